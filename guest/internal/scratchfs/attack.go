package scratchfs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	attackerUID = 1000
	attackerEnv = "VIRTQUORUM_ATTACKS"
	// Secret is in every file of the canary: whoever reads it was led out of the tree.
	Secret = "this is outside of the tree"
)

// AttackTime is how long attacks last: a few seconds, or VIRTQUORUM_ATTACK_TIME (as 10m).
func AttackTime(t testing.TB, otherwise time.Duration) time.Duration {
	text := os.Getenv("VIRTQUORUM_ATTACK_TIME")
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Canary is a directory outside of a tree, root's alone, of which nothing may be read or changed.
type Canary struct {
	Path   string
	before string
	watch  int
}

// NewCanary makes a canary at a path.
func NewCanary(t testing.TB, path string) *Canary {
	t.Helper()
	for _, name := range []string{"d0", "d1", "d0/d1", "d1/d0", ".virtquorum"} {
		if err := os.MkdirAll(filepath.Join(path, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"f0", "f1", "d0/f0", "d0/f1", "d1/f0", "d0/d1/f0", "d1/d0/f1", ".virtquorum/memory", "secret"} {
		if err := os.WriteFile(filepath.Join(path, name), []byte(Secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := &Canary{Path: path, before: digest(t, path)}
	var err error
	if c.watch, err = unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(c.watch) })
	err = filepath.WalkDir(path, func(name string, _ fs.DirEntry, err error) error {
		if err == nil {
			_, err = unix.InotifyAddWatch(c.watch, name, unix.IN_ALL_EVENTS)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// What adding the watches itself did is no touch.
	drain(c.watch)
	return c
}

func drain(fd int) (events int) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := unix.Read(fd, buffer)
		if err != nil || n <= 0 {
			return events
		}
		events += n
	}
}

// Untouched fails the test if anything of the canary was opened, read, listed or changed.
func (c *Canary) Untouched(t testing.TB) {
	t.Helper()
	if how := c.Touched(t); how != "" {
		t.Error("the canary outside of the tree was touched: ", how)
	}
}

// Touched says how, or "". It can be asked once.
func (c *Canary) Touched(t testing.TB) string {
	t.Helper()
	if n := drain(c.watch); n > 0 {
		return fmt.Sprintf("%d bytes of events", n)
	}
	if digest(t, c.Path) != c.before {
		return "it changed"
	}
	return ""
}

func digest(t testing.TB, path string) string {
	sum := sha256.New()
	err := filepath.WalkDir(path, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return err
		}
		fmt.Fprintln(sum, name, st.Mode, st.Uid, st.Gid, st.Size, st.Nlink, st.Mtim, st.Ctim)
		if st.Mode&unix.S_IFMT == unix.S_IFREG {
			content, err := os.ReadFile(name)
			sum.Write(content)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(sum.Sum(nil))
}

// Attack starts a process of uid 1000, to whom the tree is given, that swaps directories and files in it for links to the
// canary, makes fifos of files, and moves all about, until the test ends or the returned function is called. The test's package
// must have a test TestAsAttacker that calls RunAttacker.
func Attack(t testing.TB, tree string, canary *Canary) (stop func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if err := os.Chown(tree, attackerUID, attackerUID); err != nil {
		t.Fatal(err)
	}
	root, err := os.Open(tree)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	// Through fds: uid 1000 need not be able to reach either path.
	cmd := exec.Command("/proc/self/fd/4", "-test.run=^TestAsAttacker$", "-test.timeout=0")
	cmd.ExtraFiles = []*os.File{root, self}
	cmd.Env = []string{attackerEnv + "=" + canary.Path}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: attackerUID, Gid: attackerUID}, Pdeathsig: syscall.SIGKILL}
	cmd.Dir = "/"
	said := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = said, said
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = alive.Close()
		if err := cmd.Wait(); err != nil || !strings.Contains(said.String(), "attacked") {
			t.Errorf("the attacker: %v: %s", err, said)
		}
	}
	t.Cleanup(stop)
	return stop
}

// RunAttacker is what the process of Attack does; in any other process it skips.
func RunAttacker(t *testing.T) {
	canary := os.Getenv(attackerEnv)
	if canary == "" {
		t.Skip("only as the process that attacks")
	}
	if err := unix.Fchdir(3); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	dig(t, deepName, 400)                        // more than anybody may have open
	dig(t, strings.Repeat("long path ", 25), 20) // more than PATH_MAX
	steps := 0
	for {
		select {
		case <-ended:
			fmt.Println("attacked", steps)
			return
		default:
			attack(random, canary)
			steps++
		}
	}
}

// deepName is the first of many directories in each other, as a terminal would not like it.
const deepName = "deep\n\x1b[2J\xff"

// dig makes directories in each other, and a file in the last one.
func dig(t *testing.T, name string, depth int) {
	t.Helper()
	at := unix.AT_FDCWD
	defer func() { _ = unix.Close(at) }()
	for range depth {
		err := unix.Mkdirat(at, name, 0o777)
		if errors.Is(err, unix.EEXIST) {
			return // an attacker before made it
		}
		if err != nil {
			t.Fatal(err)
		}
		next, err := unix.Openat(at, name, unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = unix.Close(at)
		at = next
	}
	if file, err := unix.Openat(at, "f0", unix.O_CREAT|unix.O_WRONLY, 0o666); err == nil {
		_ = unix.Close(file)
	}
}

// AttackedName is a path that the attacker plays with.
func AttackedName(random *rand.Rand) string {
	var name []string
	for random.IntN(2) == 0 && len(name) < 4 {
		name = append(name, "d"+strconv.Itoa(random.IntN(2)))
	}
	switch random.IntN(13) {
	case 12:
		name = append(name, deepName)
	case 0:
		name = append(name, ".virtquorum")
	case 1:
		name = append(name, ".virtquorum", "memory")
	case 2, 3, 4:
		name = append(name, "d"+strconv.Itoa(random.IntN(2)))
	default:
		name = append(name, "f"+strconv.Itoa(random.IntN(2)))
	}
	return strings.Join(name, "/")
}

// write opens nothing that was there: a fifo would hold up the attacker.
func write(name string) {
	fd, err := unix.Open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NONBLOCK, 0o666)
	if err == nil {
		_, _ = unix.Write(fd, []byte("inside"))
		_ = unix.Close(fd)
	}
}

func attack(random *rand.Rand, canary string) {
	name, other := AttackedName(random), AttackedName(random)
	target := filepath.Join(canary, AttackedName(random))
	if random.IntN(3) == 0 {
		target = canary
	}
	switch random.IntN(10) {
	case 0, 1: // in one step
		_ = os.Symlink(target, "swap")
		_ = unix.Renameat2(unix.AT_FDCWD, "swap", unix.AT_FDCWD, name, unix.RENAME_EXCHANGE)
		_ = unix.Renameat2(unix.AT_FDCWD, "swap", unix.AT_FDCWD, name, unix.RENAME_EXCHANGE)
		_ = os.Remove("swap")
	case 2:
		_ = os.Rename(name, "away")
		_ = os.Symlink(target, name)
		_ = os.Remove(name)
		_ = os.Rename("away", name)
	case 3:
		_ = os.Remove(name)
		_ = unix.Mkfifo(name, 0o666)
	case 4:
		_ = os.Remove(name)
		write(name)
	case 5:
		_ = os.Rename(name, other)
	case 6:
		_ = os.Mkdir(name, 0o777)
	case 7:
		_ = unix.Renameat2(unix.AT_FDCWD, name, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE)
	case 8:
		_ = os.Link(name, other)
	case 9:
		_ = os.Remove(name)
		_ = os.Symlink(target, name)
	}
}
