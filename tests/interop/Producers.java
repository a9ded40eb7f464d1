import io.cloudevents.CloudEvent;
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.core.message.Encoding;
import io.cloudevents.jackson.JsonFormat;
import io.cloudevents.kafka.CloudEventSerializer;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends the same image by Java's client, as it is and by the CloudEvents SDK, with each codec.
 *
 * <p>{@code java Producers.java BROKERS TOPIC IMAGE}; the key of a record tells the form and the codec.
 */
public class Producers {
  public static void main(String[] args) throws Exception {
    byte[] image = Files.readAllBytes(Path.of(args[2]));
    for (String codec : new String[] {"none", "gzip", "snappy", "lz4", "zstd"}) {
      send(args, codec, "image", new ByteArraySerializer(), image);
      CloudEvent event = CloudEventBuilder.v1()
          .withId("java/" + codec)
          .withSource(URI.create("/interop"))
          .withType("imagebus.classify")
          .withData("image/png", image)
          .build();
      send(args, codec, "binary-event", new CloudEventSerializer(), event);
      CloudEventSerializer structured = new CloudEventSerializer();
      structured.configure(
          Map.of(
              CloudEventSerializer.ENCODING_CONFIG, Encoding.STRUCTURED,
              CloudEventSerializer.EVENT_FORMAT_CONFIG, JsonFormat.CONTENT_TYPE),
          false);
      send(args, codec, "structured-event", structured, event);
    }
  }

  static <T> void send(String[] args, String codec, String form, Serializer<T> serializer, T value) {
    Map<String, Object> settings = Map.of("bootstrap.servers", args[0], "compression.type", codec);
    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), serializer)) {
      producer.send(new ProducerRecord<>(args[1], "java/" + form + "/" + codec, value));
    }
  }
}
