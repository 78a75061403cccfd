/** Large checkpoints, written piece by piece: finite float32 values as safetensors, and as torch.save lays its archives out. */
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { littleEndian, statePickle } from "../custody/verify/forge";

export const mebi = 1024 * 1024;

/** Numbers as weights have them: no two blocks of the file are the same to a compressor, and all of them finite. */
const piece = Buffer.from(Float32Array.from({ length: mebi }, (_, index) => Math.sin(index)).buffer);

/** `bytes` of data is a multiple of 4. Sparse: zeros that take no place on the disk. */
export function writeSafetensors(path: string, bytes: number, sparse = false): void {
  const header = Buffer.from(JSON.stringify({ w: { dtype: "F32", shape: [bytes / 4], data_offsets: [0, bytes] } }));
  const file = openSync(path, "w");
  try {
    writeSync(file, Buffer.concat([littleEndian(8, header.length), header]));
    if (sparse) ftruncateSync(file, 8 + header.length + bytes);
    else writeData(file, bytes);
  } finally {
    closeSync(file);
  }
}

/** An archive with this many tensors, each in a storage of its own, aligned to 64 bytes. Less than 4 GiB. */
export function writeTorch(path: string, bytes: number, tensors: number): void {
  const each = bytes / tensors;
  const pickle = statePickle(Array.from({ length: tensors }, (_, index) => ({ name: `layer.${index}.weight`, key: String(index), elements: each / 4, size: [each / 4], stride: [1] })));
  const file = openSync(path, "w");
  const directory: Buffer[] = [];
  let at = 0;
  const entry = (name: string, crc: number, length: number, write: () => void): void => {
    const text = Buffer.from(name);
    const padding = (64 - ((at + 30 + text.length + 4) % 64)) % 64;
    const fields = Buffer.concat([littleEndian(2, 20), littleEndian(2, 0x0800), Buffer.alloc(6), littleEndian(4, crc), littleEndian(4, length), littleEndian(4, length), littleEndian(2, text.length)]);
    writeSync(file, Buffer.concat([Buffer.from("PK\x03\x04"), fields, littleEndian(2, 4 + padding), text, Buffer.from("FB"), littleEndian(2, padding), Buffer.alloc(padding, "Z")]));
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02"), littleEndian(2, 20), fields, Buffer.alloc(12), littleEndian(4, at), text]));
    write();
    at += 30 + text.length + 4 + padding + length;
  };
  const small = (name: string, data: Uint8Array): void => entry(`archive/${name}`, crc32(data), data.length, () => void writeSync(file, data));
  try {
    small("data.pkl", pickle);
    const crc = crcOfData(each);
    for (let index = 0; index < tensors; index += 1) entry(`archive/data/${index}`, crc, each, () => writeData(file, each));
    small("version", Buffer.from("3\n"));
    const records = Buffer.concat(directory);
    writeSync(file, Buffer.concat([records, Buffer.from("PK\x05\x06"), Buffer.alloc(4), littleEndian(2, directory.length), littleEndian(2, directory.length), littleEndian(4, records.length), littleEndian(4, at), Buffer.alloc(2)]));
  } finally {
    closeSync(file);
  }
}

function writeData(file: number, bytes: number): void {
  for (let left = bytes; left > 0; left -= piece.length) writeSync(file, piece.subarray(0, Math.min(left, piece.length)));
}

function crcOfData(bytes: number): number {
  let crc = 0;
  for (let left = bytes; left > 0; left -= piece.length) crc = crc32(piece.subarray(0, Math.min(left, piece.length)), crc);
  return crc;
}
