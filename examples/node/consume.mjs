// Follow a route of Newsmill with KafkaJS: node consume.mjs BOOTSTRAP TOPIC GROUP SCHEMA
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import kafkajs from "kafkajs";
import lz4 from "lz4-napi";

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
const REMEMBERED = 100_000; // ids of events: duplicates come within seconds of each other

// KafkaJS brings gzip only; Newsmill compresses with lz4 unless broker.compression says otherwise. (Not lz4js, which
// takes a frame's block checksums for data.)
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: ({ buffer }) => lz4.compressFrame(buffer),
  decompress: (buffer) => lz4.decompressFrame(buffer),
});

const [bootstrap, topic, groupId, schema] = process.argv.slice(2);
const ajv = addFormats(new Ajv({ strict: false }));
const validate = ajv.compile(JSON.parse(readFileSync(schema, "utf8")));
const seen = new Set();
const versions = new Map();

// What a service of yours would do.
function handle({ key, value }) {
  const release = value && JSON.parse(value.toString());
  if (!release || release.pub_status === "canceled") {
    console.log(JSON.stringify({ kill: key.toString() }));
  } else if (!validate(release)) {
    console.error(`${key}: ${ajv.errorsText(validate.errors)}`);
  } else if (release.version >= (versions.get(release.id) ?? 0)) {
    versions.set(release.id, release.version);
    console.log(JSON.stringify({ id: release.id, version: release.version, title: release.title }));
  }
}

const kafka = new Kafka({ brokers: bootstrap.split(","), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId });
process.once("SIGTERM", () => consumer.disconnect());
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
await consumer.run({
  // KafkaJS commits behind an event whose handler has returned.
  eachMessage: async ({ message }) => {
    const id = message.headers.ce_id.toString();
    if (seen.has(id)) return;
    seen.add(id);
    if (seen.size > REMEMBERED) seen.delete(seen.values().next().value);
    handle(message);
  },
});
