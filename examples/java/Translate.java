// java Translate HOST:PORT TEXT
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import peregrine.v1.Text;
import peregrine.v1.TranslateRequest;
import peregrine.v1.TranslationServiceGrpc;

public class Translate {
  public static void main(String[] arguments) throws InterruptedException {
    Map<String, Object> retries = Map.of("methodConfig", List.of(Map.of(
        "name", List.of(Map.of("service", "peregrine.v1.TranslationService", "method", "Translate")),
        "retryPolicy", Map.of("maxAttempts", 5.0, "initialBackoff", "0.01s", "maxBackoff", "2s",
            "backoffMultiplier", 4.0, "retryableStatusCodes", List.of("UNAVAILABLE", "RESOURCE_EXHAUSTED")))));
    ManagedChannel channel = ManagedChannelBuilder.forTarget(arguments[0])
        .usePlaintext().enableRetry().defaultServiceConfig(retries).build();
    TranslateRequest request = TranslateRequest.newBuilder().setTargetLanguage("de")
        .addTexts(Text.newBuilder().setText(arguments[1])).build();
    System.out.println(TranslationServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(10, TimeUnit.SECONDS)  // with all attempts
        .translate(request).getTranslations(0).getHypotheses(0).getText());
    channel.shutdown().awaitTermination(1, TimeUnit.SECONDS);
  }
}
