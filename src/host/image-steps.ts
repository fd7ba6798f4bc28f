/** The steps of the image's build, from what mmdebstrap 1.3 and later print. */

const steps: readonly (readonly [line: RegExp, step: string])[] = [
  [/^I: running apt-get update/, 'reading the package lists'],
  [/^I: downloading packages/, 'downloading the base system'],
  [/^I: extracting archives/, 'unpacking the base system'],
  [/^I: installing essential packages/, 'installing the base system'],
  [/^I: installing remaining packages/, 'installing packages'],
  [/^I: running --customize-hook/, 'compiling programs and creating input data'],
  [/^I: cleaning package lists/, 'removing what guests do not need'],
]

/**
 * Returns a function that takes the lines of the build. It returns the step that a line begins, such as
 * `5/7 installing packages  41 s`, or `undefined`. Hooks are one step together.
 * @param packages number of packages that the image includes by name
 * @param now milliseconds of a monotonic clock
 */
export function buildSteps(packages: number, now = () => performance.now()): (line: string) => string | undefined {
  const started = now()
  let current = 0
  return (line) => {
    const number = steps.findIndex(([pattern]) => pattern.test(line)) + 1
    if (number <= current) return undefined
    current = number
    const step = steps[number - 1]![1].replace(
      /^installing packages$/,
      `installing ${packages} packages and their dependencies`,
    )
    return `${number}/${steps.length} ${step}  ${Math.round((now() - started) / 1000)} s`
  }
}
