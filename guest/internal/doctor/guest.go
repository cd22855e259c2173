package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/watch"
)

const (
	ownDirectory     = ".virtquorum"
	runtimeDirectory = "/run/virtquorum"
)

func tryOpenat2() error {
	fd, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func (d *doctor) kernel() {
	release := d.read("/proc/sys/kernel/osrelease")
	if err := d.Kernel.Openat2(); err != nil {
		d.say("kernel", Warn, "The kernel %s cannot open files by openat2 (%v): they are opened component by component, which is slower; 5.6 and later can", release, err)
		return
	}
	d.say("kernel", OK, "The kernel %s has what is needed", release)
}

// That there is room for what must last until the next boot.
func (d *doctor) directory() {
	at := runtimeDirectory
	if !d.exists(at) {
		at = "/run"
	}
	if err := writable(d.path(at)); err != nil {
		d.say("directory", Fail, "%s cannot be written (%v): the program keeps there what lasts until the next boot; make room, or run this as root", at, err)
		return
	}
	d.say("directory", OK, "%s can be written", at)
}

func writable(directory string) error {
	file, err := os.CreateTemp(directory, ".virtquorum-doctor-*")
	if err != nil {
		return err
	}
	_, err = file.Write([]byte("written by virtquorum-guest doctor\n"))
	if closing := file.Close(); err == nil {
		err = closing
	}
	if removing := os.Remove(file.Name()); err == nil {
		err = removing
	}
	return err
}

func (d *doctor) trees(ctx context.Context) {
	if len(d.Trees) == 0 {
		d.watching(ctx, "/")
		return
	}
	for _, tree := range d.Trees[:min(len(d.Trees), mostTrees)] {
		d.tree(ctx, tree)
	}
}

// That a tree is there, can be watched, and has the program's own directory on its file system.
func (d *doctor) tree(ctx context.Context, tree string) {
	if err := d.guest.CheckTree(ctx, &evidence.Place{}, evidence.TreeCheck{Tree: tree}); err != nil {
		d.say("tree", Fail, "%v", err)
		return
	}
	point, err := d.guest.MountPoint(tree)
	if err != nil {
		d.say("tree", Fail, "The file system of %s cannot be found: %v", tree, err)
		return
	}
	own := strings.TrimSuffix(point, "/") + "/" + ownDirectory
	if problem := d.ownDirectory(point, own); problem != "" {
		d.say("tree", Fail, "%s", problem)
		return
	}
	d.say("tree", OK, "%s is there, and the program's own directory is or will be %s", tree, own)
	d.watching(ctx, tree)
}

func (d *doctor) ownDirectory(point, own string) (problem string) {
	var stat unix.Stat_t
	err := unix.Lstat(d.path(own), &stat)
	switch {
	case errors.Is(err, unix.ENOENT):
		if err := unix.Access(d.path(point), unix.W_OK); err != nil {
			return fmt.Sprintf("%s cannot be written (%v), so the program cannot make its own directory there: mount it for writing", point, err)
		}
		return ""
	case err != nil:
		return fmt.Sprintf("%s cannot be looked at: %v", own, err)
	case stat.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Sprintf("%s is not a directory: remove it, the program makes its own", own)
	case stat.Uid != 0 || stat.Mode&0o077 != 0:
		return fmt.Sprintf("%s is not root's alone (owner %d, mode %o): see who made it, then remove it, the program makes its own", own, stat.Uid, stat.Mode&0o7777)
	}
	if err := writable(d.path(own)); err != nil {
		return fmt.Sprintf("%s cannot be written (%v): make room, or mount %s for writing", own, err, point)
	}
	return ""
}

func (d *doctor) watching(ctx context.Context, tree string) {
	kind, why, err := d.Kernel.Watch(ctx, d.path(tree))
	switch {
	case err != nil:
		d.say("watch", Fail, "%s cannot be watched: %v", tree, err)
	case kind == watch.Fanotify:
		d.say("watch", OK, "Changes in %s are seen at once, and which process makes them", tree)
	default:
		d.say("watch", Warn, "Changes in %s are seen by inotify or by walking, and not which process makes them (%s); a newer kernel or another file system may do better", tree, why)
	}
}

// That SELinux lets the program read what it must.
func (d *doctor) selinux() {
	switch d.read("/sys/fs/selinux/enforce") {
	case "":
		d.say("selinux", OK, "SELinux is off")
		return
	case "0":
		d.say("selinux", OK, "SELinux is permissive: it confines nobody")
		return
	}
	running := d.processes(serves)
	if len(running) == 0 {
		d.say("selinux", OK, "SELinux enforces; the program is not confined where its unit runs it from /usr/sbin or /usr/local/sbin, with the label bin_t")
		return
	}
	context := strings.TrimRight(d.read("/proc/"+itoa(running[0].id)+"/attr/current"), "\x00")
	if !strings.Contains(context, ":unconfined_") {
		d.say("selinux", Warn, "SELinux confines the program (%s), which may then not read all trees: have its unit run it from /usr/sbin or /usr/local/sbin, with the label bin_t (restorecon)", context)
		return
	}
	d.say("selinux", OK, "SELinux enforces, and does not confine the program (%s)", context)
}
