import java.nio.ByteBuffer;
import java.util.Base64;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.StreamIdentifier;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * One worker of a KCL application, until it is killed. {@code --retrieval polling|fan-out}. Prints which shards it has,
 * each record it processed, and which shards ended. Times are shorter than KCL's own, so that a test can wait for them.
 */
public final class KclWorker {
    private static final long FAILOVER_MS = 3000;
    private static final long POLL_MS = 200;
    private static final int RECORDS_MAX = 50;

    public static void main(String[] arguments) {
        Options options = new Options(arguments);
        String stream = options.text("stream");
        String application = options.text("application");
        KinesisAsyncClient kinesis = Clients.kinesisAsync(options.text("endpoint"));
        ConfigsBuilder configs = new ConfigsBuilder(
                new SingleStreamTracker(
                        StreamIdentifier.singleStreamInstance(stream),
                        InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON)),
                application,
                kinesis,
                Clients.at(options.text("dynamodb"), DynamoDbAsyncClient.builder()).build(),
                Clients.at(options.text("dynamodb"), CloudWatchAsyncClient.builder()).build(),
                options.text("worker"),
                Processor::new);
        PollingConfig polling = new PollingConfig(stream, kinesis)
                .maxRecords(RECORDS_MAX)
                .idleTimeBetweenReadsInMillis(POLL_MS);
        new Scheduler(
                configs.checkpointConfig(),
                configs.coordinatorConfig()
                        .parentShardPollIntervalMillis(POLL_MS)
                        .shardConsumerDispatchPollIntervalMillis(POLL_MS)
                        .schedulerInitializationBackoffTimeMillis(POLL_MS),
                quick(configs.leaseManagementConfig()).maxLeasesForWorker(options.number("leasesMax")),
                configs.lifecycleConfig().taskBackoffTimeMillis(POLL_MS),
                configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
                configs.processorConfig(),
                options.text("retrieval").equals("polling")
                        ? configs.retrievalConfig().retrievalSpecificConfig(polling)
                        : configs.retrievalConfig()).run();
    }

    private static LeaseManagementConfig quick(LeaseManagementConfig leases) {
        leases.workerUtilizationAwareAssignmentConfig().disableWorkerMetrics(true);
        leases.gracefulLeaseHandoffConfig().isGracefulLeaseHandoffEnabled(false);
        return leases.failoverTimeMillis(FAILOVER_MS)
                .shardSyncIntervalMillis(FAILOVER_MS)
                .leasesRecoveryAuditorExecutionFrequencyMillis(FAILOVER_MS);
    }

    private static final class Processor implements ShardRecordProcessor {
        private String shardId;

        @Override
        public void initialize(InitializationInput input) {
            shardId = input.shardId();
            Output.line("event", "initialized", "shardId", shardId,
                    "from", input.extendedSequenceNumber().sequenceNumber());
        }

        @Override
        public void processRecords(ProcessRecordsInput input) {
            input.records().forEach(this::print);
            try {
                input.checkpointer().checkpoint();
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }

        private void print(KinesisClientRecord record) {
            ByteBuffer data = record.data();
            byte[] bytes = new byte[data.remaining()];
            data.duplicate().get(bytes);
            Output.line("event", "record", "shardId", shardId,
                    "sequenceNumber", record.sequenceNumber(),
                    "partitionKey", record.partitionKey(),
                    "arrivedMs", record.approximateArrivalTimestamp().toEpochMilli(),
                    "data", Base64.getEncoder().encodeToString(bytes));
        }

        @Override
        public void leaseLost(LeaseLostInput input) {
            Output.line("event", "leaseLost", "shardId", shardId);
        }

        @Override
        public void shardEnded(ShardEndedInput input) {
            try {
                input.checkpointer().checkpoint();
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
            Output.line("event", "shardEnded", "shardId", shardId);
        }

        @Override
        public void shutdownRequested(ShutdownRequestedInput input) {
            Output.line("event", "shutdownRequested", "shardId", shardId);
        }
    }
}
