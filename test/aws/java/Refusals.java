import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.KinesisException;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;

/** Makes calls that are refused, and prints which exception each came back as. {@code --stream} is one that exists, of one shard. */
public final class Refusals {
    private static final String SHARD = "shardId-000000000000";
    private static final String NO_STREAM = "no-such-stream";

    public static void main(String[] arguments) {
        Options options = new Options(arguments);
        String stream = options.text("stream");
        try (KinesisClient client = Clients.kinesis(options.text("endpoint"))) {
            refused("DescribeStreamSummary of no stream",
                    () -> client.describeStreamSummary(request -> request.streamName(NO_STREAM)));
            refused("PutRecord to no stream", () -> client.putRecord(request -> request
                    .streamName(NO_STREAM).partitionKey("key").data(SdkBytes.fromUtf8String("{}"))));
            refused("GetShardIterator of no shard", () -> client.getShardIterator(request -> request
                    .streamName(stream).shardId("shardId-000000000999").shardIteratorType(ShardIteratorType.LATEST)));
            refused("CreateStream of a stream there is",
                    () -> client.createStream(request -> request.streamName(stream).shardCount(1)));
            refused("GetRecords with an iterator of someone else",
                    () -> client.getRecords(request -> request.shardIterator("AAAAAAAAAAE=")));
            refused("SplitShard at its first hash key", () -> client.splitShard(request -> request
                    .streamName(stream).shardToSplit(SHARD).newStartingHashKey("0")));
            refused("PutRecord with a hash key that is none", () -> client.putRecord(request -> request
                    .streamName(stream).partitionKey("key").explicitHashKey("-1").data(SdkBytes.fromUtf8String("{}"))));
        }
    }

    private static void refused(String call, Runnable action) {
        try {
            action.run();
            Output.line("call", call, "exception", null);
        } catch (KinesisException error) {
            Output.line("call", call,
                    "exception", error.getClass().getSimpleName(),
                    "code", error.awsErrorDetails().errorCode(),
                    "status", error.statusCode(),
                    "hasMessage", error.awsErrorDetails().errorMessage() != null,
                    "hasRequestId", error.requestId() != null);
        }
    }
}
