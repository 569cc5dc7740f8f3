import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.ConsumerStatus;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.StartingPosition;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardRequest;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;

/** Registers a consumer, subscribes to every shard from its beginning, and prints records until {@code --records} have come. */
public final class FanOutReader {
    private static final int POLL_MS = 50;
    private static final int PATIENCE_SECONDS = 60;

    public static void main(String[] arguments) throws InterruptedException, ExecutionException {
        Options options = new Options(arguments);
        CountDownLatch missing = new CountDownLatch(options.number("records"));
        try (KinesisAsyncClient client = Clients.kinesisAsync(options.text("endpoint"))) {
            String streamArn = client.describeStreamSummary(request -> request.streamName(options.text("stream")))
                    .get().streamDescriptionSummary().streamARN();
            String consumerArn = activeConsumer(client, streamArn, options.text("consumer"));
            for (Shard shard : client.listShards(request -> request.streamARN(streamArn)).get().shards())
                subscribe(client, consumerArn, shard.shardId(), missing);
            if (!missing.await(PATIENCE_SECONDS, TimeUnit.SECONDS))
                throw new IllegalStateException(missing.getCount() + " records did not come");
        }
        System.exit(0);
    }

    private static String activeConsumer(KinesisAsyncClient client, String streamArn, String name)
            throws InterruptedException, ExecutionException {
        String arn = client.registerStreamConsumer(request -> request.streamARN(streamArn).consumerName(name))
                .get().consumer().consumerARN();
        while (client.describeStreamConsumer(request -> request.consumerARN(arn))
                .get().consumerDescription().consumerStatus() != ConsumerStatus.ACTIVE) Thread.sleep(POLL_MS);
        return arn;
    }

    private static void subscribe(
            KinesisAsyncClient client, String consumerArn, String shardId, CountDownLatch missing) {
        SubscribeToShardRequest request = SubscribeToShardRequest.builder()
                .consumerARN(consumerArn).shardId(shardId)
                .startingPosition(StartingPosition.builder().type(ShardIteratorType.TRIM_HORIZON).build())
                .build();
        SubscribeToShardResponseHandler.Visitor visitor = SubscribeToShardResponseHandler.Visitor.builder()
                .onSubscribeToShardEvent(event -> print(shardId, event, missing))
                .build();
        client.subscribeToShard(request, SubscribeToShardResponseHandler.builder()
                .onError(error -> {
                    if (missing.getCount() > 0) System.err.println("subscription to " + shardId + ": " + error);
                })
                .subscriber(visitor)
                .build());
    }

    private static void print(String shardId, SubscribeToShardEvent event, CountDownLatch missing) {
        for (Record record : event.records()) {
            Reader.print(shardId, record);
            missing.countDown();
        }
    }
}
