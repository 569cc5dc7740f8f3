import java.net.URI;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.firehose.FirehoseClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;

/** Clients as anyone makes them, but for the address: the async ones speak HTTP/2, the others HTTP/1.1. */
final class Clients {
    private Clients() {}

    static KinesisClient kinesis(String endpoint) {
        return at(endpoint, KinesisClient.builder()).httpClientBuilder(ApacheHttpClient.builder()).build();
    }

    static KinesisAsyncClient kinesisAsync(String endpoint) {
        return at(endpoint, KinesisAsyncClient.builder())
                .httpClientBuilder(NettyNioAsyncHttpClient.builder())
                .build();
    }

    static FirehoseClient firehose(String endpoint) {
        return at(endpoint, FirehoseClient.builder()).httpClientBuilder(ApacheHttpClient.builder()).build();
    }

    static <B extends AwsClientBuilder<B, ?>> B at(String endpoint, B builder) {
        return builder.endpointOverride(URI.create(endpoint))
                .region(Region.US_EAST_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("key", "secret")));
    }
}
