// Sends the same image by two Go clients of Kafka, with each codec.
//
//	go run . BROKERS TOPIC IMAGE
//
// The key of a record tells the client and the codec.
package main

import (
	"context"
	"log"
	"os"
	"strings"

	segmentio "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	brokers, topic := strings.Split(os.Args[1], ","), os.Args[2]
	image, err := os.ReadFile(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	for codec, compression := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		withFranz(brokers, topic, codec, compression, image)
	}
	for codec, compression := range map[string]segmentio.Compression{
		"none": 0, "gzip": segmentio.Gzip, "snappy": segmentio.Snappy, "lz4": segmentio.Lz4, "zstd": segmentio.Zstd,
	} {
		withSegmentio(brokers, topic, codec, compression, image)
	}
}

func withFranz(brokers []string, topic, codec string, compression kgo.CompressionCodec, image []byte) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ProducerBatchCompression(compression))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	record := &kgo.Record{Topic: topic, Key: []byte("franz-go/" + codec), Value: image}
	if err := client.ProduceSync(context.Background(), record).FirstErr(); err != nil {
		log.Fatal(err)
	}
}

func withSegmentio(brokers []string, topic, codec string, compression segmentio.Compression, image []byte) {
	writer := &segmentio.Writer{Addr: segmentio.TCP(brokers...), Topic: topic, Compression: compression, BatchSize: 1}
	defer writer.Close()
	message := segmentio.Message{Key: []byte("kafka-go/" + codec), Value: image}
	if err := writer.WriteMessages(context.Background(), message); err != nil {
		log.Fatal(err)
	}
}
