// Things that people post, made here: nothing is downloaded and nobody's pictures are in the repository.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** scene draws a landscape whose colours follow from seed and gives it as JPEG bytes. */
export async function scene(browser, seed = 1, { width = 1200, height = 800 } = {}) {
  const page = await browser.newPage()
  try {
    return Buffer.from(await page.evaluate(draw, { seed, width, height }), 'base64')
  } finally {
    await page.close()
  }
}

/** draw runs in a page; it needs nothing around it. */
export function draw({ seed, width, height }) {
  const c = document.createElement('canvas')
  c.width = width; c.height = height
  const g = c.getContext('2d')
  let s = seed * 2654435761 % 4294967296
  const random = () => (s = (s * 1664525 + 1013904223) % 4294967296) / 4294967296
  const hue = [18, 38, 200, 335][Math.floor(random() * 4)], hills = 205 + random() * 40
  const sky = g.createLinearGradient(0, 0, 0, height)
  sky.addColorStop(0, `hsl(${hue} 55% 42%)`); sky.addColorStop(0.7, `hsl(${hue + 40} 70% 76%)`)
  g.fillStyle = sky; g.fillRect(0, 0, width, height)
  g.fillStyle = `hsl(${hue + 50} 90% 88%)`
  g.beginPath(); g.arc(width * (0.2 + 0.6 * random()), height * 0.45, height * 0.1, 0, 7); g.fill()
  for (let k = 0; k < 5; k++) {
    g.fillStyle = `hsl(${hills + k * 6} ${30 + k * 5}% ${60 - k * 11}%)`
    g.beginPath(); g.moveTo(0, height)
    const base = height * (0.52 + k * 0.1), a = random() * 9, b = random() * 9
    for (let x = 0; x <= width; x += 6) g.lineTo(x, base + Math.sin(x / width * 7 + a) * height * 0.05 + Math.sin(x / width * 23 + b) * height * 0.015)
    g.lineTo(width, height); g.fill()
  }
  return c.toDataURL('image/jpeg', 0.85).split(',')[1]
}

/** EXIF with a position (52.52 N, 13.405 E), a camera and its serial number, as phones write it. */
function exif() {
  const text = (s) => Buffer.from(s + '\0')
  const ratio = (...pairs) => { const b = Buffer.alloc(pairs.length * 4); pairs.forEach((v, i) => b.writeUInt32BE(v, i * 4)); return b }
  const long = (v) => { const b = Buffer.alloc(4); b.writeUInt32BE(v); return b }
  const size = (tags) => 2 + tags.length * 12 + 4 + tags.reduce((n, t) => n + (t[3].length > 4 ? t[3].length : 0), 0)
  const directory = (tags, at) => {
    const head = Buffer.alloc(2 + tags.length * 12 + 4)
    const rest = []
    let next = at + head.length
    head.writeUInt16BE(tags.length, 0)
    tags.forEach(([tag, type, count, value], i) => {
      const o = 2 + i * 12
      head.writeUInt16BE(tag, o); head.writeUInt16BE(type, o + 2); head.writeUInt32BE(count, o + 4)
      if (value.length <= 4) value.copy(head, o + 8)
      else { head.writeUInt32BE(next, o + 8); rest.push(value); next += value.length }
    })
    return Buffer.concat([head, ...rest])
  }
  const ascii = (tag, s) => [tag, 2, text(s).length, text(s)]
  const main = (exifAt, gpsAt) => [ascii(0x010f, 'Mural Cameras'), ascii(0x0110, 'Pocket One'), [0x8769, 4, 1, long(exifAt)], [0x8825, 4, 1, long(gpsAt)]]
  const own = [ascii(0xa431, 'SERIAL-4711-SECRET')]
  const gps = [ascii(1, 'N'), [2, 5, 3, ratio(52, 1, 31, 1, 12, 1)], ascii(3, 'E'), [4, 5, 3, ratio(13, 1, 24, 1, 18, 1)]]
  const exifAt = 8 + size(main(0, 0)), gpsAt = exifAt + size(own)
  return Buffer.concat([Buffer.from('Exif\0\0'), Buffer.from([0x4d, 0x4d, 0, 42, 0, 0, 0, 8]), directory(main(exifAt, gpsAt), 8), directory(own, exifAt), directory(gps, gpsAt)])
}

/** withPlace puts that EXIF into a JPEG. */
export function withPlace(jpeg) {
  const body = exif()
  const head = Buffer.from([0xff, 0xe1, 0, 0])
  head.writeUInt16BE(body.length + 2, 2)
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)])
}

/** leaks lists what a picture tells about where and with what it was taken. */
export function leaks(bytes) {
  const found = []
  if (bytes.includes('SERIAL-4711-SECRET')) found.push('serial number')
  if (bytes.includes('Pocket One')) found.push('camera model')
  if (bytes.includes(Buffer.from([0x88, 0x25, 0, 4]))) found.push('GPS directory')
  if (bytes.includes(Buffer.from([0, 0, 0, 52, 0, 0, 0, 1, 0, 0, 0, 31]))) found.push('GPS position')
  return found
}

/** clip writes a few seconds of moving colour with sound as WebM and gives its path. */
export function clip(dir, seconds = 4) {
  const path = join(dir, 'boat.webm')
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', `gradients=s=640x360:d=${seconds}:r=24:c0=0x1d4e6b:c1=0xe0a458:c2=0x8a3b2e:n=3:speed=0.05`,
    '-f', 'lavfi', '-i', `sine=f=330:d=${seconds}`, '-pix_fmt', 'yuv420p', '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '600k', '-c:a', 'libopus', path])
  return path
}

export function write(dir, name, bytes) {
  const path = join(dir, name)
  writeFileSync(path, bytes)
  return path
}
