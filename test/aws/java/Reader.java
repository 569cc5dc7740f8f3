import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.function.Function;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.GetRecordsRequest;
import software.amazon.awssdk.services.kinesis.model.GetRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.GetShardIteratorRequest;
import software.amazon.awssdk.services.kinesis.model.GetShardIteratorResponse;
import software.amazon.awssdk.services.kinesis.model.ListShardsRequest;
import software.amazon.awssdk.services.kinesis.model.ListShardsResponse;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;

/** Reads every shard from its beginning until nothing is behind, and prints the records. */
public final class Reader {
    /** The three calls, of either client. */
    private record Calls(
            Function<ListShardsRequest, ListShardsResponse> listShards,
            Function<GetShardIteratorRequest, GetShardIteratorResponse> getShardIterator,
            Function<GetRecordsRequest, GetRecordsResponse> getRecords) {}

    public static void main(String[] arguments) {
        Options options = new Options(arguments);
        String endpoint = options.text("endpoint");
        String stream = options.text("stream");
        if (options.text("client").equals("sync")) {
            try (KinesisClient client = Clients.kinesis(endpoint)) {
                read(stream, new Calls(client::listShards, client::getShardIterator, client::getRecords));
            }
        } else {
            try (KinesisAsyncClient client = Clients.kinesisAsync(endpoint)) {
                read(stream, new Calls(
                        request -> client.listShards(request).join(),
                        request -> client.getShardIterator(request).join(),
                        request -> client.getRecords(request).join()));
            }
        }
    }

    static void print(String shardId, Record record) {
        Output.line("shardId", shardId,
                "sequenceNumber", record.sequenceNumber(),
                "partitionKey", record.partitionKey(),
                "arrivedMs", record.approximateArrivalTimestamp().toEpochMilli(),
                "data", Base64.getEncoder().encodeToString(record.data().asByteArray()));
    }

    private static void read(String stream, Calls calls) {
        for (Shard shard : shardsOf(stream, calls)) {
            String iterator = calls.getShardIterator().apply(GetShardIteratorRequest.builder()
                    .streamName(stream).shardId(shard.shardId())
                    .shardIteratorType(ShardIteratorType.TRIM_HORIZON).build()).shardIterator();
            while (iterator != null) {
                GetRecordsResponse answer = calls.getRecords().apply(
                        GetRecordsRequest.builder().shardIterator(iterator).limit(700).build());
                answer.records().forEach(record -> print(shard.shardId(), record));
                iterator = answer.millisBehindLatest() == 0 ? null : answer.nextShardIterator();
            }
        }
    }

    private static List<Shard> shardsOf(String stream, Calls calls) {
        List<Shard> shards = new ArrayList<>();
        ListShardsResponse answer = calls.listShards().apply(
                ListShardsRequest.builder().streamName(stream).maxResults(2).build());
        shards.addAll(answer.shards());
        while (answer.nextToken() != null) {
            answer = calls.listShards().apply(
                    ListShardsRequest.builder().nextToken(answer.nextToken()).maxResults(2).build());
            shards.addAll(answer.shards());
        }
        return shards;
    }
}
