#!/usr/bin/env bash
# The steps of action.yml: check, key, unpack, prepare, pack, run. The inputs arrive as environment variables and never as
# a part of a script, so no shell interprets their text.
set -euo pipefail

archive="$RUNNER_TEMP/isobench/cache.tar"
report="$RUNNER_TEMP/isobench/report.html"
# What the cache keeps. Disks of VMs are named after the inode of the image, so they are of no use to the next runner.
cache="${ISOBENCH_CACHE:-/var/cache/isobench}" releases="${ISOBENCH_HOME:-/opt/isobench}"
cached=("${cache#/}/images" "${cache#/}/kernels" "${releases#/}")

as_root() {
  # sudo drops the environment, and often has a PATH without Node.
  local kept=CI,GITHUB_ACTIONS,GITHUB_STEP_SUMMARY,GITHUB_WORKSPACE name
  kept+=,HTTP_PROXY,HTTPS_PROXY,NO_PROXY,http_proxy,https_proxy,no_proxy,NODE_EXTRA_CA_CERTS
  while IFS= read -r name; do kept+=,$name; done < <(compgen -e ISOBENCH_ || true)
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "--preserve-env=$kept" env "PATH=$PATH" "$@"; fi
}

isobench() {
  as_root node "$GITHUB_ACTION_PATH/bin/isobench.js" "$@"
}

# Reads the lines of $1 into the array `lines`, without blank ones and without spaces around them.
read_lines() {
  local line
  lines=()
  while IFS= read -r line; do
    line="${line#"${line%%[![:space:]]*}"}"
    line="${line%"${line##*[![:space:]]}"}"
    if [ -n "$line" ]; then lines+=("$line"); fi
  done <<<"$1"
}

# Reads the words of $1 into the array `words`.
read_words() {
  words=()
  # `read` ends with 1 at the end of the text.
  IFS=$' \t\n,' read -r -d '' -a words <<<"$1" || true
}

# Ends the step with an annotation. A line of its text would otherwise be another command for the runner.
fail() {
  local text="${1//'%'/%25}"
  text="${text//$'\r'/%0D}"
  echo "::error::${text//$'\n'/%0A}"
  exit 5
}

# A failed cd would end with 1, which means that something is worse than claimed.
enter_project() {
  if [ -d "$WORKING_DIRECTORY" ]; then cd "$WORKING_DIRECTORY" && return; fi
  fail "There is no folder \"$WORKING_DIRECTORY\". Correct the input working-directory, or check out first."
}

# Reads the option for the input config into the array `config`.
read_config() {
  config=()
  if [ -n "$CONFIG" ]; then config+=("--config=$CONFIG"); fi
}

# Prints the folder of the config: that of the input, or the nearest one as isobench finds it.
config_folder() {
  if [ -n "$CONFIG" ]; then
    realpath -- "$(dirname -- "$CONFIG")"
    return
  fi
  local folder extension
  folder="$(pwd -P)"
  while :; do
    for extension in ts mts cts js mjs cjs; do
      if [ -e "$folder/isobench.config.$extension" ]; then echo "$folder" && return; fi
    done
    if [ "$folder" = / ]; then pwd -P && return; fi
    folder="$(dirname -- "$folder")"
  done
}

check() {
  local old='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a * 100 + b < 2019 ? 1 : 0)'
  if ! node -e "$old"; then
    fail 'isobench needs Node 20.19 or later. Run actions/setup-node before this action.'
  fi
  mkdir -p "$RUNNER_TEMP/isobench"
  # A checkout of this repository may have been built by an earlier step. The build needs the development dependencies,
  # also in a job that sets NODE_ENV=production.
  if [ ! -e "$GITHUB_ACTION_PATH/dist/bin.js" ]; then npm ci --include=dev --prefix "$GITHUB_ACTION_PATH"; fi
}

# The image is the one of the week, because its packages get security updates.
key() {
  local image plan=''
  enter_project
  read_config
  read_words "$PROVISION"
  # Its digests include those of the config. With others, the release of the cache would be refused.
  if [ "${#words[@]}" -gt 0 ]; then
    plan="$(node "$GITHUB_ACTION_PATH/bin/isobench.js" provision --dry-run --json "${config[@]}" -- "${words[@]}")" || exit 5
  fi
  # Exits with 5 if the image is not built, and prints its path all the same.
  image="$(node "$GITHUB_ACTION_PATH/bin/isobench.js" image path "${config[@]}" || true)"
  if [ -z "$image" ]; then exit 5; fi
  local digest
  digest="$(printf '%s\0' "$(basename "$image")" "$(date +%G-%V)" "$PROVISION" "$plan" "${cached[@]}" |
    cat - "$GITHUB_ACTION_PATH/src/host/releases/manifest.ts" "$0" | sha256sum | cut -c1-16)"
  # The records are beside the config.
  local project
  project="$(config_folder)"
  # Each line of the file is an output.
  if [[ $project == *[$'\r\n']* ]]; then fail "The path of the project has a line break: $project"; fi
  echo "key=isobench-$(uname -m)-$digest" >>"$GITHUB_OUTPUT"
  echo "project=$project" >>"$GITHUB_OUTPUT"
}

# Extracts nothing but these folders, because tar runs as root in /.
unpack() {
  if [ ! -e "$archive" ]; then return; fi
  as_root tar --extract --file "$archive" --directory / --numeric-owner --xattrs "${cached[@]}"
}

prepare() {
  read_words "$PROVISION"
  enter_project
  read_config
  if [ "${#words[@]}" -gt 0 ]; then isobench provision --install --wait-for-lock "${config[@]}" -- "${words[@]}"; fi
  isobench image build --install "${config[@]}"
}

pack() {
  # `unpack` fails if the archive lacks one of them.
  as_root mkdir --parents "${cached[@]/#//}"
  as_root tar --create --file "$archive" --directory / --numeric-owner --xattrs "${cached[@]}"
  as_root chown "$(id -u)" "$archive"
}

run() {
  enter_project
  read_config
  local arguments=(run --install --wait-for-lock "--reporter=html=$report" "${config[@]}")
  local line
  read_lines "$PLATFORMS"
  for line in "${lines[@]}"; do arguments+=("--platform=$line"); done
  if [ -n "$PROFILE" ]; then arguments+=("--profile=$PROFILE"); fi
  if [ -n "$BASELINE" ]; then arguments+=("--baseline=$BASELINE"); fi
  read_lines "$REPORTERS"
  for line in "${lines[@]}"; do arguments+=("--reporter=$line"); done
  read_lines "$OPTIONS"
  arguments+=("${lines[@]}")
  # A name of a file may start with a dash.
  read_lines "$FILTERS"
  arguments+=(-- "${lines[@]}")
  local code=0
  isobench "${arguments[@]}" || code=$?
  # Otherwise a self-hosted runner could not remove the files of root before the next checkout.
  if [ "$(id -u)" != 0 ]; then
    # Its exit code would look like a verdict.
    as_root chown --recursive --no-dereference --from=0 "$(id -u):$(id -g)" "${GITHUB_WORKSPACE:-.}" ||
      echo '::warning::Some files of root are left in the workspace.'
  fi
  return "$code"
}

case "$1" in
check | key | unpack | prepare | pack | run) "$1" ;;
*) echo "github-action.sh: unknown step $1" >&2 && exit 2 ;;
esac
