#!/bin/sh
# Builds what qemu boots: a kernel, its initial ramdisk, and an ext4 image of a small Debian 12 with systemd 252.
#
# usage: build-image.sh DIRECTORY
#
# Needs mmdebstrap, mke2fs and root (or user namespaces). What is there already is kept: the directory is a cache, named
# after this script's checksum by run.ts. The programs under test are not in it; they come on a second disk.
#
# The packages come from the mirror that this machine's apt has Debian 12 from, else from mmdebstrap's own.
set -eu

directory=$1
[ -e "$directory/root.ext4" ] && exit 0
mkdir -p "$directory"
work=$(mktemp -d "$directory/build.XXXXXX")
trap 'rm -rf "$work"' EXIT

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Release: bookworm' 'Component: main' | head -n 1)

mmdebstrap --variant=minbase --quiet \
  --include=systemd-sysv,dbus,linux-image-cloud-amd64,initramfs-tools,zstd,curl,procps \
  --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"' \
  --essential-hook='printf "MODULES=list\nCOMPRESS=zstd\n" >"$1/etc/initramfs-tools/conf.d/lares"' \
  --essential-hook='printf "virtio_pci\nvirtio_blk\next4\ncrc32c_generic\n" >"$1/etc/initramfs-tools/modules"' \
  --customize-hook='cp "$1"/boot/vmlinuz-* "'"$work"'/vmlinuz"' \
  --customize-hook='cp "$1"/boot/initrd.img-* "'"$work"'/initrd"' \
  --customize-hook='rm -rf "$1"/boot/* "$1"/var/lib/apt/lists/* "$1"/usr/lib/firmware' \
  --customize-hook='ln -sf /dev/null "$1/etc/systemd/system/systemd-timesyncd.service"' \
  --customize-hook='ln -sf /dev/null "$1/etc/systemd/system/e2scrub_reap.service"' \
  --customize-hook='passwd --root "$1" --delete root >/dev/null' \
  bookworm "$work/root" $mirror

mke2fs -q -t ext4 -O ^has_journal -d "$work/root" -L root "$work/root.ext4" 1536M
mv "$work/vmlinuz" "$work/initrd" "$directory/"
mv "$work/root.ext4" "$directory/root.ext4"
