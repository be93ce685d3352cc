// In a project with the packages Grpc.Net.Client, Google.Protobuf and Grpc.Tools, and
//   <Protobuf Include="../../proto/peregrine/v1/translation.proto" ProtoRoot="../../proto" />
//   <Protobuf Include="../../proto/google/rpc/status.proto" ProtoRoot="../../proto" />
// dotnet run http://HOST:PORT TEXT
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Configuration;
using Peregrine.V1;

var retries = new MethodConfig {
  Names = { new MethodName { Service = "peregrine.v1.TranslationService", Method = "Translate" } },
  RetryPolicy = new RetryPolicy {
    MaxAttempts = 5, InitialBackoff = TimeSpan.FromMilliseconds(10), MaxBackoff = TimeSpan.FromSeconds(2),
    BackoffMultiplier = 4, RetryableStatusCodes = { StatusCode.Unavailable, StatusCode.ResourceExhausted } } };
using var channel = GrpcChannel.ForAddress(args[0], new GrpcChannelOptions {
  ServiceConfig = new ServiceConfig { MethodConfigs = { retries } } });
var request = new TranslateRequest { TargetLanguage = "de", Texts = { new Text { Text_ = args[1] } } };
var response = await new TranslationService.TranslationServiceClient(channel)
    .TranslateAsync(request, deadline: DateTime.UtcNow.AddSeconds(10));  // with all attempts
Console.WriteLine(response.Translations[0].Hypotheses[0].Text);
