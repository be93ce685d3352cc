# ruby translate.rb HOST:PORT TEXT
# Beside the code that `generate` makes, from Debian's ruby-grpc.
$LOAD_PATH.unshift(ENV.fetch("GENERATED", "generated"))
require "peregrine/v1/translation_services_pb"

address, text = ARGV
config = File.read(ENV.fetch("SERVICE_CONFIG", "../../proto/peregrine/v1/service_config.json"))
stub = Peregrine::V1::TranslationService::Stub.new(
  address, :this_channel_is_insecure,
  timeout: 10,  # seconds, with all attempts
  channel_args: {"grpc.enable_retries" => 1, "grpc.service_config" => config})
request = Peregrine::V1::TranslateRequest.new(target_language: "de", texts: [{text: text}])
puts stub.translate(request).translations[0].hypotheses[0].text
