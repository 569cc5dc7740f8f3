import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.PutRecordRequest;
import software.amazon.awssdk.services.kinesis.model.PutRecordResponse;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequest;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.awssdk.services.kinesis.model.PutRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.PutRecordsResultEntry;

/**
 * Puts records {@code from} to {@code from + records - 1} and prints what was acknowledged.
 * {@code --client sync|async --call PutRecord|PutRecords}; async calls of different keys are under way at once.
 */
public final class Producer {
    private static final int BATCH_RECORDS = 500;

    private final String stream;
    private final String form;
    private final int from;
    private final int records;
    private final int keys;

    private Producer(Options options) {
        stream = options.text("stream");
        form = options.text("form");
        from = options.number("from", 0);
        records = options.number("records");
        keys = options.number("keys");
    }

    public static void main(String[] arguments) {
        Options options = new Options(arguments);
        Producer producer = new Producer(options);
        boolean isBatched = options.text("call").equals("PutRecords");
        if (options.text("client").equals("sync")) {
            try (KinesisClient client = Clients.kinesis(options.text("endpoint"))) {
                if (isBatched) producer.putBatches(client);
                else producer.putEach(client);
            }
        } else {
            try (KinesisAsyncClient client = Clients.kinesisAsync(options.text("endpoint"))) {
                if (isBatched) producer.putBatches(client);
                else producer.putEach(client);
            }
        }
    }

    private void putEach(KinesisClient client) {
        numbers().forEach(n -> acknowledged(n, client.putRecord(record(n))));
    }

    /** One chain of calls for each key, as order within a key is the producer's to keep. */
    private void putEach(KinesisAsyncClient client) {
        List<CompletableFuture<Void>> chains = new ArrayList<>();
        for (int key = 0; key < keys; key++) chains.add(CompletableFuture.completedFuture(null));
        numbers().forEach(n -> chains.set(n % keys, chains.get(n % keys).thenCompose(
                before -> client.putRecord(record(n)).thenAccept(answer -> acknowledged(n, answer)))));
        chains.forEach(CompletableFuture::join);
    }

    private void putBatches(KinesisClient client) {
        batches().forEach(batch -> acknowledged(batch, client.putRecords(records(batch))));
    }

    private void putBatches(KinesisAsyncClient client) {
        batches().forEach(batch -> acknowledged(batch, client.putRecords(records(batch)).join()));
    }

    private IntStream numbers() {
        return IntStream.range(from, from + records);
    }

    private List<List<Integer>> batches() {
        List<List<Integer>> batches = new ArrayList<>();
        for (int first = from; first < from + records; first += BATCH_RECORDS)
            batches.add(IntStream.range(first, Math.min(first + BATCH_RECORDS, from + records)).boxed().toList());
        return batches;
    }

    private PutRecordRequest record(int n) {
        String key = Payload.key(n, keys);
        return PutRecordRequest.builder()
                .streamName(stream).partitionKey(key).data(Payload.data(form, key, n)).build();
    }

    private PutRecordsRequest records(List<Integer> batch) {
        return PutRecordsRequest.builder().streamName(stream).records(batch.stream().map(n -> {
            String key = Payload.key(n, keys);
            return PutRecordsRequestEntry.builder().partitionKey(key).data(Payload.data(form, key, n)).build();
        }).toList()).build();
    }

    private void acknowledged(int n, PutRecordResponse answer) {
        Output.line("key", Payload.key(n, keys), "n", n,
                "shardId", answer.shardId(), "sequenceNumber", answer.sequenceNumber());
    }

    private void acknowledged(List<Integer> batch, PutRecordsResponse answer) {
        if (answer.failedRecordCount() != 0) throw new IllegalStateException("refused: " + answer);
        List<PutRecordsResultEntry> entries = answer.records();
        for (int at = 0; at < batch.size(); at++)
            Output.line("key", Payload.key(batch.get(at), keys), "n", batch.get(at),
                    "shardId", entries.get(at).shardId(), "sequenceNumber", entries.get(at).sequenceNumber());
    }
}
