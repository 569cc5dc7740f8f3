/*
 * A client of Kafka by librdkafka, as lean as it gets: as many producers as requests in flight, each with a
 * thread and a partition of its own, that hand over a request's records at once and wait for all of them.
 * Like bench/support/load.mjs it says "prepared", waits for a line, and tells what it saw.
 */
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int per_request, requests;
static rd_kafka_message_t *lines;
static int line_count;
static atomic_int next_request, failed;
static double *latencies_ms;

struct producer {
  rd_kafka_t *handle;
  rd_kafka_topic_t *topic;
  int partition;
};

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void fail(const char *what) {
  printf("{\"error\":\"%s\"}\n", what);
  exit(1);
}

static void delivered(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque) {
  (void)handle;
  (void)opaque;
  if (message->err) atomic_fetch_add(&failed, 1);
}

static void read_lines(const char *path) {
  int file = open(path, O_RDONLY);
  struct stat stat;
  if (file < 0 || fstat(file, &stat) < 0) fail("the records cannot be read");
  char *text = mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  lines = calloc(stat.st_size / 2 + 1, sizeof *lines);
  for (char *at = text, *end; at < text + stat.st_size; at = end + 1) {
    end = memchr(at, '\n', text + stat.st_size - at);
    if (!end) break;
    lines[line_count].payload = at;
    lines[line_count++].len = end - at;
  }
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char text[512];
  if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) fail(text);
}

static void open_producer(struct producer *producer, const char *broker, const char *topic) {
  char text[512], count[16];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  snprintf(count, sizeof count, "%d", per_request);
  set(conf, "bootstrap.servers", broker);
  set(conf, "acks", "all");
  set(conf, "socket.nagle.disable", "true");
  /* A batch is a request's records: it goes when it is full, and flush does not wait for the linger. */
  set(conf, "batch.num.messages", count);
  set(conf, "linger.ms", per_request == 1 ? "0" : "1000");
  rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  producer->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
  if (!producer->handle) fail(text);
  producer->topic = rd_kafka_topic_new(producer->handle, topic, NULL);
  const struct rd_kafka_metadata *metadata;
  if (rd_kafka_metadata(producer->handle, 0, producer->topic, &metadata, 10000)) fail("no broker");
  rd_kafka_metadata_destroy(metadata);
}

static void *produce(void *argument) {
  struct producer *producer = argument;
  rd_kafka_message_t *batch = calloc(per_request, sizeof *batch);
  for (;;) {
    int index = atomic_fetch_add(&next_request, 1);
    if (index >= requests) break;
    int first = (int)((long)index * per_request % line_count);
    double sent = now_ms();
    memcpy(batch, lines + first, per_request * sizeof *batch);
    if (rd_kafka_produce_batch(producer->topic, producer->partition, 0, batch, per_request) !=
        per_request)
      atomic_fetch_add(&failed, 1);
    if (rd_kafka_flush(producer->handle, 30000)) atomic_fetch_add(&failed, 1);
    latencies_ms[index] = now_ms() - sent;
  }
  free(batch);
  return NULL;
}

static int compare(const void *left, const void *right) {
  double difference = *(const double *)left - *(const double *)right;
  return (difference > 0) - (difference < 0);
}

int main(int count, char **arguments) {
  if (count == 2 && strcmp(arguments[1], "--version") == 0) return puts(rd_kafka_version_str()) < 0;
  if (count != 7) fail("broker topic records total per-request in-flight");
  int total = atoi(arguments[4]), in_flight = atoi(arguments[6]);
  per_request = atoi(arguments[5]);
  requests = total / per_request;
  read_lines(arguments[3]);
  latencies_ms = calloc(requests + 1, sizeof *latencies_ms);
  struct producer *producers = calloc(in_flight, sizeof *producers);
  pthread_t *threads = calloc(in_flight, sizeof *threads);
  for (int index = 0; index < in_flight; index++) {
    producers[index].partition = index;
    open_producer(&producers[index], arguments[1], arguments[2]);
  }
  puts("\"prepared\"");
  fflush(stdout);
  if (getchar() == EOF) return 1;
  double start = now_ms();
  for (int index = 0; index < in_flight; index++)
    pthread_create(&threads[index], NULL, produce, &producers[index]);
  for (int index = 0; index < in_flight; index++) pthread_join(threads[index], NULL);
  double wall_ms = now_ms() - start;
  if (failed) fail("records were not acknowledged");
  int accepted = requests * per_request;
  qsort(latencies_ms, requests, sizeof *latencies_ms, compare);
  printf("{\"accepted\":%d,\"wallMs\":%f,\"perSecond\":%f,\"p50Ms\":%f,\"p99Ms\":%f}\n", accepted,
         wall_ms, accepted / wall_ms * 1000, latencies_ms[requests / 2],
         latencies_ms[(int)(requests * 0.99)]);
  fflush(stdout);
  /* The CPU time of this process is read before it ends. */
  while (getchar() != EOF) continue;
  return 0;
}
