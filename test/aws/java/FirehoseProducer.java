import java.util.List;
import java.util.stream.IntStream;
import software.amazon.awssdk.services.firehose.FirehoseClient;
import software.amazon.awssdk.services.firehose.model.PutRecordBatchResponse;
import software.amazon.awssdk.services.firehose.model.Record;

/** Puts rows in batches to a delivery stream and prints what was acknowledged. */
public final class FirehoseProducer {
    private static final int BATCH_RECORDS = 500;

    public static void main(String[] arguments) {
        Options options = new Options(arguments);
        int records = options.number("records");
        int keys = options.number("keys");
        try (FirehoseClient client = Clients.firehose(options.text("endpoint"))) {
            for (int first = 0; first < records; first += BATCH_RECORDS) {
                List<Integer> batch = IntStream.range(first, Math.min(first + BATCH_RECORDS, records)).boxed().toList();
                PutRecordBatchResponse answer = client.putRecordBatch(request -> request
                        .deliveryStreamName(options.text("stream"))
                        .records(batch.stream().map(n -> Record.builder()
                                .data(Payload.data("json", Payload.key(n, keys), n)).build()).toList()));
                if (answer.failedPutCount() != 0) throw new IllegalStateException("refused: " + answer);
                for (int at = 0; at < batch.size(); at++)
                    Output.line("key", Payload.key(batch.get(at), keys), "n", batch.get(at),
                            "recordId", answer.requestResponses().get(at).recordId());
            }
        }
    }
}
