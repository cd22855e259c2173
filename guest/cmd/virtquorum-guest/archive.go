package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/archive"
	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/restore"
)

const archiveUsage = `usage: virtquorum-guest archive list
       virtquorum-guest archive show ENTRY
       virtquorum-guest archive restore ENTRY [PATH...] -to DIRECTORY
       virtquorum-guest archive restore ENTRY [PATH...] -in-place [-tree TREE]
PATH: of a file or directory, from the root of its tree
exit code: 0 done, 1 it cannot be done, 2 it was not understood`

// archives shows a person logged in what repairs replaced on this machine, and copies it back out.
func archives(ctx context.Context, arguments []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet("archive", flag.ContinueOnError)
	flags.SetOutput(problems)
	flags.Usage = func() {
		fmt.Fprintln(problems, archiveUsage)
		flags.PrintDefaults()
	}
	at := flags.String("at", "", "where the file system is mounted whose archives are meant; empty: all of this machine")
	tree := flags.String("tree", "", "the name of the tree in the spec, where several have an entry of one name")
	to := flags.String("to", "", "an existing directory that the files are copied to; nothing that is there is replaced")
	inPlace := flags.Bool("in-place", false, "put the files back where they were, on the primary; what is there goes into an entry of its own first")
	socket := flags.String("socket", filepath.Join("/run/virtquorum", restore.SocketName), "the guest program's socket for that")
	words, err := wordsAndFlags(flags, arguments)
	if err != nil {
		return 2
	}
	wrong := len(words) == 0 || *inPlace && (words[0] != "restore" || *to != "" || *at != "")
	if !wrong {
		switch words[0] {
		case "list":
			wrong = len(words) != 1 || *to != ""
		case "show":
			wrong = len(words) != 2 || *to != ""
		case "restore":
			wrong = wrong || len(words) < 2
		default:
			wrong = true
		}
	}
	if wrong {
		flags.Usage()
		return 2
	}
	if *inPlace {
		return restoreInPlace(ctx, out, problems, *socket, *tree, words[1], words[2:])
	}
	kept, err := findArchives(ctx, *at, *tree, problems)
	defer func() {
		for _, one := range kept {
			one.close()
		}
	}()
	if err == nil {
		switch words[0] {
		case "list":
			err = listEntries(ctx, out, kept)
		case "show":
			err = showEntry(ctx, out, kept, words[1])
		case "restore":
			err = restoreEntry(ctx, out, kept, words[1], words[2:], *to)
		}
	}
	if err != nil {
		fmt.Fprintln(problems, err)
		return 1
	}
	return 0
}

// wordsAndFlags takes flags before, between and after the other words.
func wordsAndFlags(flags *flag.FlagSet, arguments []string) (words []string, err error) {
	for len(arguments) > 0 {
		if err := flags.Parse(arguments); err != nil {
			return nil, err
		}
		if arguments = flags.Args(); len(arguments) > 0 {
			words, arguments = append(words, arguments[0]), arguments[1:]
		}
	}
	return words, nil
}

// keptArchive is one tree's archive.
type keptArchive struct {
	*archive.Archive
	tree, point string
	dir         *beneath.Dir
}

func (k keptArchive) close() { k.dir.Close() }

// findArchives finds those of one mount point, or of all: what keeps it from looking at one of many is told, and the others count.
func findArchives(ctx context.Context, at, tree string, problems io.Writer) (found []keptArchive, err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("the archives are root's alone: run this as root")
	}
	points := []string{at}
	if at == "" {
		if points, err = (evidence.Guest{}).LocalMounts(); err != nil {
			return nil, err
		}
	}
	known := map[[2]uint64]bool{}
	for _, point := range points {
		dir, err := beneath.Open(point)
		if err != nil && at == "" {
			continue // it went meanwhile, or is no directory
		}
		if err != nil {
			return found, err
		}
		kept, err := memory.Archives(ctx, dir)
		dir.Close()
		for _, one := range kept {
			st, statErr := one.Archive.Stat(".")
			if place := [2]uint64{st.Dev, st.Ino}; statErr != nil || known[place] || tree != "" && one.Tree != tree {
				one.Archive.Close()
			} else {
				known[place] = true // a file system may be mounted more than once
				found = append(found, keptArchive{archive.New(archive.Tree{Name: one.Tree, Archive: one.Archive}), one.Tree, point, one.Archive})
			}
		}
		if err != nil {
			if err = fmt.Errorf("looking for archives at %s: %w", point, err); at != "" {
				return found, err
			}
			fmt.Fprintln(problems, err)
		}
	}
	return found, nil
}

func listEntries(ctx context.Context, out io.Writer, kept []keptArchive) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ENTRY\tTREE\tTIME\tFILES\tSIZE\tATTRIBUTED\tVERDICT")
	none := true
	for _, one := range kept {
		entries, err := one.List(ctx)
		if err != nil {
			return err
		}
		for _, e := range entries {
			none = false
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", e.Name, one.tree, moment(e.Millis), e.Rows, size(e.Bytes), yes(e.Attributed), printable(e.Verdict))
		}
	}
	if none {
		fmt.Fprintln(out, "No repair replaced anything on this machine that is still in an archive.")
		return nil
	}
	return table.Flush()
}

// entryIn finds the one archive that has the entry.
func entryIn(ctx context.Context, kept []keptArchive, name string) (has keptArchive, entry archive.Entry, err error) {
	var trees []string
	for _, one := range kept {
		entries, err := one.List(ctx)
		if err != nil {
			return has, entry, err
		}
		for _, e := range entries {
			if e.Name == name {
				has, entry = one, e
				trees = append(trees, one.tree)
			}
		}
	}
	switch len(trees) {
	case 0:
		return has, entry, fmt.Errorf("no archive of this machine has an entry %q; `virtquorum-guest archive list` shows those there are", name)
	case 1:
		return has, entry, nil
	}
	return has, entry, fmt.Errorf("the trees %s have an entry %q: say which is meant by -tree, or by -at where it is mounted", strings.Join(trees, ", "), name)
}

func showEntry(ctx context.Context, out io.Writer, kept []keptArchive, name string) error {
	one, e, err := entryIn(ctx, kept, name)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s of the tree %s, on the file system at %s\n%s, %s, attributed: %s\n%s\n\n",
		e.Name, one.tree, one.point, moment(e.Millis), size(e.Bytes), yes(e.Attributed), printable(e.Verdict))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHAT\tTYPE\tSIZE\tATTRIBUTED\tPATH")
	err = one.Rows(ctx, name, func(row archive.Row) error {
		path, err := row.Path.MarshalText() // nothing that a terminal would act on
		if len(path) == 0 {
			path = []byte(".")
		}
		what := row.What
		if row.Spared != "" && !row.Late {
			what += " (no copy: " + printable(row.Spared) + ")"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", what, printable(row.OldType), size(row.OldSize), yes(row.Attributed), path)
		return err
	})
	if flushed := table.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		return fmt.Errorf("reading what the entry %s has: %w", name, err)
	}
	return nil
}

func restoreEntry(ctx context.Context, out io.Writer, kept []keptArchive, name string, paths []string, to string) error {
	if to == "" {
		return errors.New("say by -to which directory the files are to be copied to, or by -in-place that they are to be put back where they were")
	}
	one, _, err := entryIn(ctx, kept, name)
	if err != nil {
		return err
	}
	for i, path := range paths {
		paths[i] = strings.Trim(path, "/")
	}
	directory, err := beneath.Open(to)
	if errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%s does not exist: make it, empty, where there is room", to)
	}
	if err != nil {
		return err
	}
	defer directory.Close()
	done, err := one.RestoreTo(ctx, name, paths, directory)
	if errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("%w; nothing that is in %s is replaced: take an empty directory (%d files and directories were copied)", err, to, done.Rows)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d files and directories were copied to %s\n", done.Rows, to)
	if len(done.Missing) > 0 {
		return fmt.Errorf("the entry %s has no old version of %s; `virtquorum-guest archive show %s` tells what it has", name, printable(strings.Join(done.Missing, ", ")), name)
	}
	return nil
}

// restoreInPlace has the running program do it, which knows who leads and what else it is doing to the trees.
func restoreInPlace(ctx context.Context, out, problems io.Writer, socket, tree, entry string, paths []string) int {
	if os.Geteuid() != 0 {
		fmt.Fprintln(problems, "the archives are root's alone: run this as root")
		return 1
	}
	request := restore.Request{Entry: entry, Tree: tree}
	for _, path := range paths {
		request.Paths = append(request.Paths, archive.Path(strings.Trim(path, "/")))
	}
	answer, err := restore.Ask(ctx, socket, request)
	switch {
	case err != nil:
		fmt.Fprintln(problems, err)
	case !answer.Done:
		fmt.Fprintln(problems, answer.Sentence)
	default:
		fmt.Fprintln(out, answer.Sentence)
		return 0
	}
	return 1
}

func moment(millis int64) string {
	if millis == 0 {
		return "unknown"
	}
	return time.UnixMilli(millis).Format("2006-01-02 15:04:05")
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func size(bytes int64) string {
	const units = "kMGTPE"
	if bytes < 1000 {
		return fmt.Sprint(bytes, " B")
	}
	value, unit := float64(bytes)/1000, 0
	for value >= 999.95 {
		value, unit = value/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", value, units[unit])
}

// printable is text as a terminal may have it: it may be anybody's.
func printable(text string) string {
	safe, _ := archive.Path(text).MarshalText()
	return string(safe)
}
