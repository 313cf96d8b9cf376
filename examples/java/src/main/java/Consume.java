import com.networknt.schema.*;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;
import tools.jackson.databind.*;

/** Follow a route of Newsmill with Kafka's own client: java -jar target/consume.jar BOOTSTRAP TOPIC GROUP SCHEMA */
public class Consume {
    static final int REMEMBERED = 100_000; // ids of events: duplicates come within seconds of each other
    static final ObjectMapper JSON = new ObjectMapper();

    static final Set<String> seen = Collections.newSetFromMap(new LinkedHashMap<>() {
        @Override protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) { return size() > REMEMBERED; }
    });
    static final Map<String, Integer> versions = new HashMap<>();

    public static void main(String[] args) throws Exception {
        var schema = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
            .getSchema(Files.readString(Path.of(args[3])));
        var settings = Map.<String, Object>of("bootstrap.servers", args[0], "group.id", args[2],
            "auto.offset.reset", "earliest", "enable.auto.commit", false);
        var main = Thread.currentThread();
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                consumer.wakeup();
                try { main.join(); } catch (InterruptedException ignored) { }
            }));
            consumer.subscribe(List.of(args[1]));
            while (true) {
                for (var record : consumer.poll(Duration.ofSeconds(1)))
                    if (seen.add(new String(record.headers().lastHeader("ce_id").value())))
                        handle(record, schema);
                consumer.commitSync(); // an event counts as read once it is handled, not before
            }
        } catch (WakeupException asked) { } // SIGTERM or Ctrl-C: the group hears of it at once
    }

    /** What a service of yours would do. */
    static void handle(ConsumerRecord<String, String> record, Schema schema) {
        JsonNode release = record.value() == null ? null : JSON.readTree(record.value());
        if (release == null || release.path("pub_status").asString().equals("canceled")) {
            System.out.println(JSON.writeValueAsString(Map.of("kill", record.key())));
            return;
        }
        for (var fault : schema.validate(release)) {
            System.err.println(record.key() + ": " + fault);
            return;
        }
        var id = release.get("id").asString();
        int version = release.get("version").asInt();
        if (version < versions.getOrDefault(id, 0)) return;
        versions.put(id, version);
        System.out.println(JSON.writeValueAsString(
            Map.of("id", id, "version", version, "title", release.get("title").asString())));
    }
}
