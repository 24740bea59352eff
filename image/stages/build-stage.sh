#!/bin/bash
# Makes the tree of one stage. Runs as the first process of its own mount and process-id namespaces, so that
# nothing it mounts or starts outlives it, however it ends.
#
# Environment: STAGE_WORK (folder of this build; the layer is made in $STAGE_WORK/rootfs), STAGE_LOWER (trees of
# the stages below, top first, colon separated; empty: bootstrap), STAGE_PACKAGES, STAGE_FILES and STAGE_PAYLOAD
# (folders laid over the tree; may be empty), STAGE_SETUP (script run in the tree; may be empty), STAGE_SUITE,
# STAGE_MIRRORS (lines for mmdebstrap; may be empty), STAGE_DOWNLOADS (cache of fetched packages).
# Descriptor 3 takes progress: "say:TEXT" and apt's own status lines. Output goes to the build's log.
set -euo pipefail
umask 022

# 127 is kept for "this script could not be started".
trap '[ $? -ne 127 ] || exit 1' EXIT

say() { echo "say:$*" >&3; }
mount -t proc proc /proc

rootfs=$STAGE_WORK/rootfs
root=$STAGE_WORK/merged
mkdir -p "$rootfs" "$root" "$STAGE_DOWNLOADS/archives/partial" "$STAGE_DOWNLOADS/lists/partial"

# The host's proxies and trusted certificates serve the build, and stay out of the tree.
build=$STAGE_WORK/build
mkdir -p "$build/tmp"
{
  apt-config dump 2>/dev/null | grep -iE '^Acquire::(http|https|ftp)::proxy' || true
  echo 'APT::Sandbox::User "root";'
  echo 'Acquire::Retries "3";'
} >"$build/apt.conf"

if [ -z "$STAGE_LOWER" ]; then
  say 'bootstrapping Debian'
  mirrors=() dpkg_options=()
  for file in "${STAGE_FILES:-/nonexistent}"/etc/dpkg/dpkg.cfg.d/*; do
    [ ! -f "$file" ] || dpkg_options+=(--dpkgopt="$file")
  done
  while IFS= read -r line; do [ -z "$line" ] || mirrors+=("$line"); done <<<"$STAGE_MIRRORS"
  TMPDIR=$build/tmp mmdebstrap --mode=root --variant=minbase --format=directory \
    "${dpkg_options[@]}" --aptopt="$build/apt.conf" \
    "$STAGE_SUITE" "$rootfs" "${mirrors[@]}" 2> >(tee -a /dev/stderr | sed -un 's/^I: /say:/p' >&3)
  rm -f "$rootfs/etc/apt/apt.conf.d/99mmdebstrap" "$rootfs/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
  mount --bind "$rootfs" "$root"
else
  mkdir -p "$STAGE_WORK/work"
  # A layer made with these features off can be mounted by any kernel, and turned into a tar entry by entry.
  mount -t overlay overlay "$root" \
    -o "lowerdir=$STAGE_LOWER,upperdir=$rootfs,workdir=$STAGE_WORK/work,redirect_dir=off,metacopy=off,index=off,xino=off"
fi

mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
  : >"$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
mkdir "$root/dev/shm" "$root/dev/pts" "$root/run/lock" "$root/run/build"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for name in hosts resolv.conf hostname; do
  [ -f "$root/etc/$name" ] && [ ! -L "$root/etc/$name" ] || { rm -f "$root/etc/$name"; : >"$root/etc/$name"; }
done
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"

cp "$build/apt.conf" "$root/run/build/apt.conf"
echo 'APT::Status-Fd "3"; Dpkg::Use-Pty "false";' >>"$root/run/build/apt.conf"
if [ -s /etc/ssl/certs/ca-certificates.crt ]; then
  cp /etc/ssl/certs/ca-certificates.crt "$root/run/build/ca.crt"
  echo 'Acquire::https::CAInfo "/run/build/ca.crt";' >>"$root/run/build/apt.conf"
fi

inside() {
  local -a pass=()
  local name
  for name in http_proxy https_proxy no_proxy; do [ -z "${!name:-}" ] || pass+=("$name=${!name}"); done
  chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true \
    APT_CONFIG=/run/build/apt.conf "${pass[@]}" "$@"
}

lay_over() {
  # Only "executable or not" is taken from the folder: its other modes depend on the umask of whoever made it.
  tar -C "$1" --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' -cf - . |
    tar -C "$root" --no-overwrite-dir --keep-directory-symlink -xpf -
}

[ -z "$STAGE_FILES" ] || lay_over "$STAGE_FILES"

if [ -n "$STAGE_PACKAGES" ]; then
  mount --bind "$STAGE_DOWNLOADS/archives" "$root/var/cache/apt/archives"
  mount --bind "$STAGE_DOWNLOADS/lists" "$root/var/lib/apt/lists"
  say 'fetching package lists'
  inside apt-get -q update
  inside apt-get -q autoclean
  read -ra packages <<<"$STAGE_PACKAGES"
  inside apt-get -q -y install "${packages[@]}"
  umount "$root/var/cache/apt/archives" "$root/var/lib/apt/lists"
fi

if [ -n "$STAGE_PAYLOAD" ]; then
  say 'copying programs'
  lay_over "$STAGE_PAYLOAD"
fi

if [ -n "$STAGE_SETUP" ]; then
  say 'setting up'
  cp "$STAGE_SETUP" "$root/run/build/setup.sh"
  inside bash /run/build/setup.sh
fi

say 'cleaning up'
umount "$root/etc/resolv.conf"
umount "$root/dev/pts" "$root/dev/shm"
umount "$root"/dev/{null,zero,full,random,urandom,tty}
umount "$root/dev" "$root/run" "$root/proc"
find "$root/tmp" -mindepth 1 -maxdepth 1 ! -name .X11-unix -exec rm -rf {} +
find "$root/var/log" "$root/var/cache/apt" "$root/var/cache/debconf" -type f ! -name config.dat ! -name templates.dat \
  ! -name passwords.dat -delete
find "$root/var/lib/dpkg" "$root/etc" -maxdepth 1 -name '*-old' -delete
rm -rf "$root/var/cache/ldconfig/aux-cache" "$root"/root/.{npm,cache,config,local,wget-hsts}
printf '127.0.0.1 localhost banata\n::1 localhost ip6-localhost\n' >"$root/etc/hosts"
echo banata >"$root/etc/hostname"
: >"$root/etc/resolv.conf"
: >"$root/etc/machine-id"
umount "$root"

say 'writing to disk'
rm -rf "$STAGE_WORK/work" "$root" "$build"
sync -f "$rootfs"
