package evidence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func reason(err error) string {
	var t *Trouble
	if errors.As(err, &t) {
		return t.Reason
	}
	return fmt.Sprint(err)
}

func TestGivenWhatIsMountedThenATreeThatIsNotWhatItShouldBeIsNamed(t *testing.T) {
	const root = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
	mount := func(point, options, super string) string {
		return fmt.Sprintf("21 20 8:16 / %s %s shared:1 - ext4 /dev/sdb %s\n", point, options, super)
	}
	for _, c := range []struct {
		name, fstab, mounts, tree string
		remembers                 bool
		reason                    string
	}{
		{"all is there", "/dev/sdb /srv ext4 defaults 0 2\n", root + mount("/srv", "rw", "rw"), "/srv/www", false, ""},
		{"not mounted", "/dev/sdb /srv ext4 defaults 0 2\n", root, "/srv/www", false, NotMounted},
		{"not mounted, and the line has no end", "/dev/sdb /srv/ ext4", root, "/srv/www", false, NotMounted},
		{"below what is not mounted by a link", "/dev/sdb /real\\040disk ext4 defaults", root, "/link/www", false, NotMounted},
		{"mounted where a link leads", "/dev/sdb /link ext4 defaults", root + mount(`/real\040disk`, "rw", "rw"), "/link/www", false, ""},
		{"noauto", "/dev/sdb /srv ext4 noauto", root, "/srv/www", false, ""},
		{"another's", "/dev/sdb /srv/other ext4 defaults\n# /dev/sdc /srv x\n/dev/sdd none swap sw", root, "/srv/www", false, ""},
		{"no fstab", "", root, "/srv/www", false, ""},
		{"missing", "", root, "/srv/missing", false, PathMissing},
		{"a file", "", root, "/srv/file", false, NotADirectory},
		{"read-only by an error", "", root + mount("/srv", "rw", "ro,errors=remount-ro"), "/srv/www", true, FileSystemReadOnly},
		{"shut down by an error", "", root + mount("/srv", "rw", "rw,emergency_ro"), "/srv/www", true, FileSystemReadOnly},
		{"read-only where nothing was remembered", "", root + mount("/srv", "ro", "ro"), "/srv/www", false, ""},
		{"read-only as fstab says", "/dev/sdb /srv ext4 ro,nofail", root + mount("/srv", "ro", "ro"), "/srv/www", true, ""},
		{"read-only and not as fstab says", "/dev/sdb /srv ext4 rw", root + mount("/srv", "ro", "ro"), "/srv/www", false, FileSystemReadOnly},
		{"mounted over", "", root + mount("/srv", "ro", "ro") + mount("/srv", "rw", "rw"), "/srv/www", true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := guestWith(t, map[string]string{
				"proc/self/mountinfo": c.mounts, "srv/www/file": "", "srv/file": "", "srv/.virtquorum": "", "real disk/www/file": "",
			})
			linked(t, g, "/real disk", "link")
			if c.fstab != "" {
				write(t, g, "etc-fstab", c.fstab)
				if err := os.MkdirAll(filepath.Join(g.Root, "etc"), 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, g, "etc/fstab", c.fstab)
			}
			check := TreeCheck{Tree: c.tree}
			if c.remembers {
				check.Memory = func() error { return nil }
			}
			err := g.CheckTree(t.Context(), &Place{}, check)
			if c.reason == "" && err != nil || c.reason != "" && reason(err) != c.reason {
				t.Fatal(err)
			}
		})
	}
}

func TestGivenALookThatHangsThenNoOtherJoinsIt(t *testing.T) {
	var alone Alone
	ctx, cancel := context.WithCancel(t.Context())
	entered, release, left := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		<-entered
		cancel()
	}()
	err := alone.Do(ctx, "reading", func() error { entered <- true; <-release; return nil })
	if reason(err) != SlowLook {
		t.Fatal(err)
	}
	err = alone.Do(t.Context(), "reading", func() error { t.Error("it joined"); return nil })
	if reason(err) != SlowLook || !strings.Contains(err.Error(), "does not end") {
		t.Fatal(err)
	}
	go func() {
		defer close(left)
		for {
			if err := alone.Do(t.Context(), "again", func() error { return nil }); err == nil {
				return
			}
		}
	}()
	close(release)
	<-left
}

func TestGivenAMemoryThatCannotBeReadFromItsDiskThenTheDiskFails(t *testing.T) {
	for failure, want := range map[error]string{unix.EIO: DiskFails, unix.ENOENT: "<nil>"} {
		check := TreeCheck{Tree: t.TempDir(), Memory: func() error { return fmt.Errorf("reading: %w", failure) }}
		if err := (Guest{}).CheckTree(t.Context(), &Place{}, check); reason(err) != want {
			t.Fatal(err)
		}
	}
}

func TestGivenTheFactsOfAGuestThenTheyAreAsTheyWereAlwaysTold(t *testing.T) {
	const system = "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian"
	for _, c := range []struct {
		name, link, timezone, want string
	}{
		{"a link", "/usr/share/zoneinfo/Europe/Berlin", "", "Europe/Berlin"},
		{"a relative link", "../usr/share/zoneinfo/Asia/Tokyo", "Else/Where", "Asia/Tokyo"},
		{"a link to another name", "/usr/share/zoneinfo/UCT", "", "Etc/UTC"},
		{"a file", "", " Europe/Paris\nx", "Europe/Paris"},
		{"nothing", "", "", "UTC"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := guestWith(t, map[string]string{"etc/os-release": system})
			linked(t, g, "Etc/UTC", "usr/share/zoneinfo/UCT")
			if c.link != "" {
				linked(t, g, c.link, "etc/localtime")
			}
			if c.timezone != "" {
				write(t, g, "etc/timezone", c.timezone)
			}
			if zone := g.Fact(Timezone); zone != c.want {
				t.Errorf("the zone is %q", zone)
			}
			if name := g.Fact(System); name != "Debian GNU/Linux 12 (bookworm)" {
				t.Errorf("the system is %q", name)
			}
			if g.Fact(Kernel) == "" || g.Fact("colour") != "" {
				t.Error("the kernel has a release, and there is no fact of the colour")
			}
		})
	}
}

func FuzzMount(f *testing.F) {
	f.Add([]byte(`21 20 8:16 / /a\040b rw shared:1 - ext4 /dev/sdb rw`))
	f.Fuzz(func(t *testing.T, line []byte) {
		parseMount(line)
		parseFstab(line)
		prettyName(line)
		unescaped(string(line))
	})
}
