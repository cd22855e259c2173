package update

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Packages tells which package owns a file. The zero value is of no package manager; see SystemPackages.
type Packages struct {
	Dpkg  string   // directory with a list of files for each package
	Rpm   []string // files one of which is there where rpm has a database
	Query string   // rpm's program
}

// SystemPackages is where dpkg and rpm keep theirs.
func SystemPackages() Packages {
	p := Packages{Dpkg: "/var/lib/dpkg/info", Query: "/usr/bin/rpm"}
	for _, directory := range []string{"/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"} {
		for _, name := range []string{"rpmdb.sqlite", "Packages", "Packages.db"} {
			p.Rpm = append(p.Rpm, filepath.Join(directory, name))
		}
	}
	return p
}

const queryTime = 20 * time.Second // a database that another rpm holds

// owner says in words which package owns the file, or is empty. An error means that nobody knows.
func (p Packages) owner(ctx context.Context, path string) (string, error) {
	name, err := p.dpkgOwner(ctx, path)
	if err != nil {
		return "", fmt.Errorf("finding out whether a package of dpkg owns %s: %w", path, err)
	}
	if name != "" {
		return "the package " + name + " of dpkg", nil
	}
	if name, err = p.rpmOwner(ctx, path); err != nil {
		return "", fmt.Errorf("finding out whether a package of rpm owns %s: %w", path, err)
	}
	if name != "" {
		return "the package " + name + " of rpm", nil
	}
	return "", nil
}

// dpkgOwner reads the lists themselves. Where /sbin is a link to /usr/sbin a list may have either name, so files are compared.
func (p Packages) dpkgOwner(ctx context.Context, path string) (string, error) {
	if p.Dpkg == "" {
		return "", nil
	}
	lists, err := filepath.Glob(filepath.Join(p.Dpkg, "*.list"))
	if err != nil {
		return "", err
	}
	own, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	for _, list := range lists {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		found, err := inList(list, path, own)
		if err != nil {
			return "", err
		}
		if found {
			name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(list), ".list"), ":")
			return name, nil
		}
	}
	return "", nil
}

// inList is true if a list has the file.
func inList(list, path string, own fs.FileInfo) (bool, error) {
	file, err := os.Open(list)
	if errors.Is(err, fs.ErrNotExist) { // a package that goes
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	end := "/" + filepath.Base(path)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == path {
			return true, nil
		}
		if !strings.HasSuffix(line, end) {
			continue
		}
		if other, err := os.Stat(line); err == nil && os.SameFile(own, other) {
			return true, nil
		}
	}
	return false, lines.Err()
}

// rpmOwner asks rpm's own program, whose database has many forms.
func (p Packages) rpmOwner(ctx context.Context, path string) (string, error) {
	there := false
	for _, file := range p.Rpm {
		if info, err := os.Stat(file); err == nil && info.Size() > 0 {
			there = true
		}
	}
	if !there {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	command := exec.CommandContext(ctx, p.Query, "-q", "--queryformat", "%{NAME}", "-f", path)
	command.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	command.WaitDelay = time.Second
	said, err := command.Output()
	words := strings.TrimSpace(string(said))
	var exit *exec.ExitError
	switch {
	case err == nil:
		return words, nil
	case errors.As(err, &exit) && strings.Contains(words+string(exit.Stderr), "is not owned by any package"):
		return "", nil
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is a database of rpm, and no %s", p.Query)
	}
	return "", fmt.Errorf("%s: %w", p.Query, err)
}
