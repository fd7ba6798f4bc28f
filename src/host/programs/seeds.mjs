// Creates the inputs of the benches of everyday work, when the image is built: node seeds.mjs FOLDER
//
// All content is from files of the image's Debian packages, and dates and owners are fixed. So images with the same
// packages have the same inputs.
import assert from 'node:assert'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [folder] = process.argv.slice(2)
const scratch = '/tmp/isobench-seeds'
const nodePackages = '/usr/share/nodejs'
const pythonLibrary = '/usr/lib/python3.13'
const commits = 20
const filesPerCommit = 1000

/** Packs a folder below `scratch`, always to the same bytes. `name` is the name of the folder in the archive. */
function pack(name, archive, parent = scratch) {
  const options = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=ustar']
  execFileSync('tar', [...options, '--use-compress-program=gzip -n', '-cf', archive, '-C', parent, name])
}

/** Small files of source text: 50 to 2000 bytes, 1 KB on average, in folders of a hundred. */
function* smallFiles() {
  const modules = readdirSync(pythonLibrary).filter((name) => name.endsWith('.py'))
  const text = Buffer.concat(modules.sort().map((name) => readFileSync(join(pythonLibrary, name))))
  for (let i = 0; i < commits * filesPerCommit; i++) {
    const size = 50 + ((i * 7919) % 1951)
    const from = (i * 104_729) % (text.length - size)
    const name = `src/d${String(Math.floor(i / 100)).padStart(3, '0')}/f${String(i % 100).padStart(2, '0')}.py`
    yield { name, content: text.subarray(from, from + size) }
  }
}

/** `files.tar.gz`, and `files.bundle`: a Git history that ends with the same files. */
function makeFiles() {
  const all = [...smallFiles()]
  for (const { name } of all) mkdirSync(join(scratch, 'tree', name, '..'), { recursive: true })
  for (const { name, content } of all) writeFileSync(join(scratch, 'tree', name), content)
  pack('src', join(folder, 'files.tar.gz'), join(scratch, 'tree'))
  const repository = join(scratch, 'repository')
  const stream = []
  for (let c = 0; c < commits; c++) {
    const message = `Add part ${c + 1}\n`
    const signed = `committer isobench <isobench@localhost> ${1_700_000_000 + c} +0000`
    stream.push(`commit refs/heads/main\n${signed}\ndata ${message.length}\n${message}`)
    for (const { name, content } of all.slice(c * filesPerCommit, (c + 1) * filesPerCommit))
      stream.push(`M 100644 inline ${name}\ndata ${content.length}\n`, content, '\n')
  }
  const git = (args, input) => execFileSync('git', args, { cwd: repository, input, env: { ...process.env, HOME: '/' } })
  mkdirSync(repository)
  git(['init', '-q', '--bare', '-b', 'main', '.'])
  git(['fast-import', '--quiet'], Buffer.concat(stream.map((part) => Buffer.from(part))))
  // Threads would divide the search for deltas, and so the pack, by the number of CPUs.
  git(['-c', 'pack.threads=1', 'bundle', 'create', '-q', join(folder, 'files.bundle'), 'HEAD', 'main'])
}

/** Names of the Node.js packages of the image. */
function packageNames() {
  const names = readdirSync(nodePackages).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(nodePackages, name)).map((part) => `${name}/${part}`) : [name],
  )
  return names.sort().filter((name) => existsSync(join(nodePackages, name, 'package.json')))
}

/** Packages of Python's standard library that become a wheel each. */
const wheelScript = `
import hashlib, io, os, sys, zipfile
library, folder = sys.argv[1:]
os.mkdir(os.path.join(folder, 'wheels'))
lines = []
def parts(name):
    path = os.path.join(library, name)
    if os.path.isfile(path):
        return [(name, path)]
    files = [os.path.join(top, file) for top, _, names in os.walk(path) for file in names if file.endswith('.py')]
    return [(os.path.relpath(file, library), file) for file in sorted(files)]
for name in sorted(os.listdir(library)):
    content = parts(name) if name.endswith('.py') or os.path.isfile(os.path.join(library, name, '__init__.py')) else []
    # Names that begin with an underscore are internal, and one depends on the architecture.
    if not content or name == 'test' or name.startswith('_'):
        continue
    package = 'std' + name.removesuffix('.py').lower()
    info = package + '-1.0.dist-info/'
    files = [(package + '/' + inner, open(path, 'rb').read()) for inner, path in content]
    files += [(info + 'METADATA', f'Metadata-Version: 2.1\\nName: {package}\\nVersion: 1.0\\n'.encode())]
    files += [(info + 'WHEEL', b'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')]
    files += [(info + 'RECORD', ''.join(f'{file},,\\n' for file, _ in files + [(info + 'RECORD', None)]).encode())]
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, 'w', zipfile.ZIP_DEFLATED) as archive:
        for file, data in files:
            archive.writestr(zipfile.ZipInfo(file), data, zipfile.ZIP_DEFLATED)
    with open(os.path.join(folder, 'wheels', package + '-1.0-py3-none-any.whl'), 'wb') as wheel:
        wheel.write(memory.getvalue())
    lines.append(f'{package}==1.0 --hash=sha256:{hashlib.sha256(memory.getvalue()).hexdigest()}\\n')
with open(os.path.join(folder, 'requirements.txt'), 'w') as requirements:
    requirements.writelines(lines)
`

/** `wheels/` and `requirements.txt`: packages for pip, of Python's standard library, with their hashes. */
const makeWheels = () => execFileSync('python3', ['-c', wheelScript, pythonLibrary, folder])

/** The single-file C libraries of Debian's libstb-dev, with the macro that adds the code. */
const libraries = {
  'stb_c_lexer.h': 'STB_C_LEXER_IMPLEMENTATION',
  'stb_ds.h': 'STB_DS_IMPLEMENTATION',
  'stb_dxt.h': 'STB_DXT_IMPLEMENTATION',
  'stb_hexwave.h': 'STB_HEXWAVE_IMPLEMENTATION',
  'stb_image.h': 'STB_IMAGE_IMPLEMENTATION',
  'stb_image_write.h': 'STB_IMAGE_WRITE_IMPLEMENTATION',
  'stb_perlin.h': 'STB_PERLIN_IMPLEMENTATION',
  'stb_rect_pack.h': 'STB_RECT_PACK_IMPLEMENTATION',
  'stb_sprintf.h': 'STB_SPRINTF_IMPLEMENTATION',
  'stb_truetype.h': 'STB_TRUETYPE_IMPLEMENTATION',
}

const mainProgram = `#include <stdio.h>
#include <stb/stb_perlin.h>
#include <stb/stb_sprintf.h>

int main(void) {
  char text[64];
  stbsp_snprintf(text, sizeof text, "noise %.3f", stb_perlin_noise3(0.5f, 0.25f, 0.125f, 0, 0, 0));
  puts(text);
  return 0;
}
`

const makefile = `CFLAGS = -O1 -w
OBJECTS = $(patsubst %.c,%.o,$(wildcard *.c))
project: $(OBJECTS)
\t$(CC) -o $@ $^ -lm
`

/** `c/`: a C project. Its headers are in /usr/include. */
function makeProject() {
  const target = join(folder, 'c')
  mkdirSync(target)
  for (const [header, macro] of Object.entries(libraries)) {
    assert(existsSync(`/usr/include/stb/${header}`), `libstb-dev has no ${header}`)
    writeFileSync(join(target, header.replace('.h', '.c')), `#define ${macro}\n#include <stb/${header}>\n`)
  }
  writeFileSync(join(target, 'main.c'), mainProgram)
  writeFileSync(join(target, 'Makefile'), makefile)
}

const acornPath = join(nodePackages, 'acorn/dist/acorn.js')
const { parse } = createRequire('/')(acornPath)

/** How a file parses, or undefined. */
function sourceTypeOf(file) {
  const text = readFileSync(file, 'utf8')
  return ['script', 'module'].find((sourceType) => {
    try {
      return parse(text, { ecmaVersion: 'latest', sourceType, allowHashBang: true }).end === text.length
    } catch {
      return false
    }
  })
}

const testFiles = 8
const testsPerFile = 16

const testFile = (files) => `import assert from 'node:assert'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import acorn from '${acornPath}'

const files = ${JSON.stringify(files, null, 1)}

for (const { file, sourceType, digest } of files) {
  test(file, () => {
    const text = readFileSync(file)
    const tree = acorn.parse(text.toString(), { ecmaVersion: 'latest', sourceType, allowHashBang: true })
    assert.strictEqual(tree.end, text.toString().length)
    assert.strictEqual(createHash('sha256').update(gunzipSync(gzipSync(text))).digest('hex'), digest)
  })
}
`

/** `node-tests/`: test files for Node's own runner, which parse and compress the code of Node.js packages. */
function makeNodeTests() {
  const target = join(folder, 'node-tests')
  mkdirSync(target)
  const wanted = testFiles * testsPerFile
  const candidates = packageNames()
    .flatMap((name) =>
      readdirSync(join(nodePackages, name), { recursive: true }).map((file) => join(nodePackages, name, file)),
    )
    .filter((file) => file.endsWith('.js') && lstatSync(file).isFile() && lstatSync(file).size > 500)
  const files = []
  for (const file of candidates.sort()) {
    const sourceType = sourceTypeOf(file)
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex')
    if (sourceType && !files.some((other) => other.digest === digest)) files.push({ file, sourceType, digest })
    if (files.length === wanted) break
  }
  assert.strictEqual(files.length, wanted, 'the Node.js packages of the image have too few source files')
  for (let i = 0; i < testFiles; i++) {
    const name = `part-${String(i).padStart(2, '0')}.test.mjs`
    // Every eighth file, so that the parts are of similar size.
    writeFileSync(join(target, name), testFile(files.filter((_, index) => index % testFiles === i)))
  }
}

try {
  mkdirSync(scratch)
  mkdirSync(folder, { recursive: true })
  makeFiles()
  makeWheels()
  makeProject()
  makeNodeTests()
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
