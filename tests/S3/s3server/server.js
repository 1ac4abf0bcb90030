'use strict';

// usage: node server.js MODULES DIRECTORY PORT BUCKET
// s3rver on 127.0.0.1, put right where it departs from S3 and the tests would notice: it shows objects that are half written, lists in the order of a directory's entries, cannot drop the parts
// of an upload, and removes folders that somebody else is about to write into. It prints its port, and ends with its standard input,
// and its directory with it.

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { Readable, Transform } = require('stream');
const { pipeline } = require('stream/promises');

const [modules, directory, port, bucket] = process.argv.slice(2);
const S3rver = require(path.join(modules, 's3rver'));
const Store = require(path.join(modules, 's3rver/lib/stores/filesystem'));
const S3Object = require(path.join(modules, 's3rver/lib/models/object'));

const objectEnd = '._S3rver_object';

// Writes a file that appears whole or not at all.
async function write(store, content, target) {
  const incoming = path.join(store.rootDirectory, crypto.randomUUID());
  const hash = crypto.createHash('md5');
  let size = 0;
  const measured = new Transform({
    transform(chunk, _, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  try {
    await pipeline(Buffer.isBuffer(content) ? Readable.from([content]) : content, measured, fs.createWriteStream(incoming));
    await fs.promises.mkdir(path.dirname(target), { recursive: true });
    await fs.promises.rename(incoming, target);
  } catch (error) {
    await fs.promises.rm(incoming, { force: true });
    throw error;
  }
  return { size, md5: hash.digest('hex') };
}

function* files(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* files(full);
    else yield full;
  }
}

// As write, for what is small.
async function writeAll(store, text, target) {
  const incoming = path.join(store.rootDirectory, crypto.randomUUID());
  await fs.promises.writeFile(incoming, text);
  await fs.promises.rename(incoming, target);
}

Store.prototype.putMetadata = async function (bucketName, key, metadata, md5) {
  if (md5) await writeAll(this, md5, this.getResourcePath(bucketName, key, 'object.md5'));
  const kept = Object.entries(metadata).filter(([name]) => S3Object.ALLOWED_METADATA.includes(name));
  await writeAll(this, JSON.stringify(Object.fromEntries(kept)), this.getResourcePath(bucketName, key, 'metadata.json'));
};

Store.prototype.putObject = async function (object) {
  const written = await write(this, object.content, this.getResourcePath(object.bucket, object.key, 'object'));
  await this.putMetadata(object.bucket, object.key, object.metadata, written.md5);
  return written;
};

Store.prototype.putPart = async function (bucketName, upload, number, content) {
  const target = path.join(this.getResourcePath(bucketName, undefined, 'uploads'), upload, String(number));
  const written = await write(this, content, target);
  await fs.promises.writeFile(`${target}.md5`, written.md5);
  return written;
};

Store.prototype.deleteObject = async function (bucketName, key) {
  for (const part of ['object', 'object.md5', 'metadata.json'])
    await fs.promises.rm(this.getResourcePath(bucketName, key, part), { force: true });
};

Store.prototype.listObjects = async function (bucketName, { prefix = '', startAfter = '', maxKeys = 1000 }) {
  const root = this.getBucketPath(bucketName);
  const after = Buffer.from(startAfter);
  const folder = path.join(root, prefix.slice(0, prefix.lastIndexOf('/') + 1));
  const keys = [...(fs.existsSync(folder) ? files(folder) : [])]
    .filter(file => file.endsWith(objectEnd))
    .map(file => file.slice(root.length + 1, -objectEnd.length))
    .filter(key => key.startsWith(prefix))
    .map(key => Buffer.from(key))
    .filter(key => Buffer.compare(key, after) > 0)
    .sort(Buffer.compare)
    .map(String);
  const objects = [];
  for (const key of keys.slice(0, maxKeys)) {
    try {
      objects.push(new S3Object(bucketName, key, null, await this.getMetadata(bucketName, key)));
    } catch (error) {
      if (error.code !== 'ENOENT') throw error; // Deleted meanwhile.
    }
  }
  return { objects, commonPrefixes: [], isTruncated: keys.length > maxKeys };
};

const server = new S3rver({ directory, address: '127.0.0.1', port: Number(port), silent: true, configureBuckets: [{ name: bucket }] });

server.middleware.unshift(async (ctx, next) => {
  if (ctx.method !== 'DELETE' || !ctx.query.uploadId) return next();
  await fs.promises.rm(path.join(server.store.getResourcePath(bucket, undefined, 'uploads'), ctx.query.uploadId), { recursive: true, force: true });
  ctx.status = 204;
});

process.stdin.resume();
process.stdin.on('end', () => {
  fs.rmSync(directory, { recursive: true, force: true });
  process.exit(0);
});
server.run().then(
  address => console.log(address.port),
  error => {
    console.error(error);
    process.exit(1);
  },
);
