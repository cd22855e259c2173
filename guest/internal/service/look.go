package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/watch"
	"virtquorum.io/guest/internal/wire"
)

const (
	mostTroubled  = 100
	mostCounted   = 1000
	mostEarlier   = 200       // looks of which it is known what the rows were
	rowsPiece     = 192 << 10 // bytes of rows in a piece, about
	mostAtOnce    = 200       // rows in the answer to a look
	progressEvery = 500 * time.Millisecond
)

// publish pushes what the newest look saw, if that is anything else than was pushed before.
func (s *Service) publish(of *member) {
	if s.options.Push != nil && s.isCurrent(of) && of.isNews(s.standings.asking()) {
		s.push(&wire.Push{Kind: &wire.Push_Look{Look: s.seen(of)}})
	}
}

// isNews is true once for what the trees and their states are now, and what who waits asks with.
func (of *member) isNews(asks uint64) bool {
	now := &wire.Seen{Number: of.look(), Trees: of.states(), Asks: asks}
	of.mu.Lock()
	defer of.mu.Unlock()
	if proto.Equal(now, of.published) {
		return false
	}
	of.published = now
	return true
}

// push tells the session something by itself.
func (s *Service) push(push *wire.Push) {
	if err := s.options.Push(push); err != nil {
		s.options.Log.Warn("telling what was seen", "why", err)
	}
}

// isCurrent is true for what is configured now.
func (s *Service) isCurrent(of *member) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.member == of
}

// seen is what is known now. Its number is another one whenever anything about the rows is.
func (s *Service) seen(of *member) *wire.Seen {
	seen := of.seen()
	seen.Asks = s.standings.asking()
	return seen
}

func (of *member) seen() *wire.Seen {
	seen := &wire.Seen{Number: of.look(), Trees: of.states(), Began: time.Now().UnixNano()}
	var oldest time.Time
	for i, t := range of.trees {
		t.mu.Lock()
		seen.Rows += uint64(t.result.Entries)
		if age := ageMillis(t.result.Began); age > seen.BeganAgeMillis {
			seen.BeganAgeMillis = age
		}
		if !t.result.Began.IsZero() {
			seen.Began = min(seen.Began, t.result.Began.UnixNano())
		}
		if age := ageMillis(t.walked); age > seen.WalkAgeMillis {
			seen.WalkAgeMillis = age
		}
		seen.WalkRestMillis = max(seen.WalkRestMillis, uint64(t.rest().Milliseconds()))
		if i == 0 || t.audited.Before(oldest) {
			oldest = t.audited
		}
		for _, left := range t.result.LeftOut {
			if len(seen.Troubled) < mostTroubled {
				seen.Troubled = append(seen.Troubled, &wire.Row{Tree: uint32(i), Path: []byte(left.Path), Trouble: left.Why})
			}
		}
		held := t.held
		t.mu.Unlock()
		if held != nil {
			seen.ReadingBytes += bytesToRead(held.Rows)
		}
	}
	if !oldest.IsZero() {
		age := ageMillis(oldest)
		seen.AuditAgeMillis = &age
	}
	for i, t := range of.trees {
		t.addChanges(i, seen)
	}
	fit(seen)
	return seen
}

// fit leaves out of lists what a frame has no room for: paths may be long.
func fit(seen *wire.Seen) {
	for !port.Fits(seen) && len(seen.Troubled)+len(seen.Changes) > 0 {
		seen.Troubled = seen.Troubled[:len(seen.Troubled)/2]
		seen.Changes = seen.Changes[:len(seen.Changes)/2]
	}
}

// bytesToRead counts what is still to be read, of the first so many files.
func bytesToRead(rows *fingerprint.Scanner) (bytes uint64) {
	files := 0
	for path := range rows.Unread() {
		if entry, err := rows.Entry(path); err == nil && entry.Size > 0 {
			bytes += uint64(entry.Size)
		}
		if files++; files == mostCounted {
			break
		}
	}
	return bytes
}

// ageMillis is how long ago it was; for never, as long as can be said.
func ageMillis(t time.Time) uint64 {
	if t.IsZero() {
		return 1 << 31
	}
	return uint64(max(0, time.Since(t).Milliseconds()))
}

// look is the number of what the trees hold now.
func (of *member) look() uint64 {
	of.mu.Lock()
	defer of.mu.Unlock()
	before := of.number
	for i, t := range of.trees {
		if now := t.version(); now != of.versions[i] || of.number == 0 {
			of.versions[i] = now
			of.number++
		}
	}
	if of.number != before {
		if len(of.earlier) == mostEarlier {
			of.earlier = slices.Delete(of.earlier, 0, mostEarlier/2)
		}
		of.earlier = append(of.earlier, numbered{of.number, slices.Clone(of.versions)})
	}
	return of.number
}

// numbered is a look, and what the trees' rows were at it.
type numbered struct {
	number   uint64
	versions []version
}

// at says what the trees' rows were at a look, if that is still known.
func (of *member) at(number uint64) (versions []version, known bool) {
	of.mu.Lock()
	defer of.mu.Unlock()
	for _, one := range of.earlier {
		if one.number == number {
			return one.versions, true
		}
	}
	return nil, false
}

func (s *Service) look(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	return s.lookAtAll(ctx, of, call, call.Request().GetLook())
}

// lookAtAll looks at the trees, and at who uses the guest where that is wanted.
func (s *Service) lookAtAll(ctx context.Context, of *member, call Call, wanted *wire.Look) (*wire.Answer, error) {
	var before, after *wire.UserList
	var err error
	if wanted.GetUsers() {
		if before, err = s.lookForUsers(of); err != nil {
			return nil, err
		}
	}
	answer, err := s.lookAtTrees(ctx, of, call, wanted)
	if err != nil {
		return nil, err
	}
	if wanted.GetUsers() {
		if after, err = s.lookForUsers(of); err != nil {
			return nil, err
		}
	}
	seen := answer.GetLook()
	seen.UsersBefore, seen.UsersAfter = before, after
	fit(seen)
	if wanted.GetRows() && seen.ReadingBytes == 0 && seen.Number != wanted.GetSince() { // as nearly always nothing is different
		of.addRows(seen, wanted.GetSince())
	}
	return answer, nil
}

// addRows adds the rows to what was seen, if they are few and still the same.
func (of *member) addRows(seen *wire.Seen, since uint64) {
	sources, all, err := of.rowsSince(since)
	if err != nil {
		return // who asks for them by themselves is told
	}
	list := &wire.RowList{Look: seen.Number, All: all}
	for _, rows := range sources {
		for one := range rows {
			if list.Rows = append(list.Rows, one); len(list.Rows) > mostAtOnce {
				return
			}
		}
	}
	if of.look() != seen.Number {
		return
	}
	if seen.RowsThen = list; !port.Fits(seen) {
		seen.RowsThen = nil
	}
}

func (s *Service) lookAtTrees(ctx context.Context, of *member, call Call, wanted *wire.Look) (*wire.Answer, error) {
	return s.lookAt(ctx, of, func(t *tree, held *Held) error {
		t.lookedAt()
		walk := wanted.GetWalk()
		if wanted.GetDrain() && !walk {
			if err := t.drain(ctx, held); err != nil {
				return err
			}
			walk = held.Watcher.Kind() == watch.Walk
		}
		if walk {
			if _, err := t.walk(ctx, held.Rows); err != nil {
				return err
			}
		}
		return t.readSmall(ctx, held.Rows, progress(call, t.spec.Name), func(string) {})
	}, false)
}

func (s *Service) audit(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	return s.lookAt(ctx, of, func(t *tree, held *Held) error {
		rows, began := held.Rows, time.Now()
		if _, err := t.walk(ctx, rows); err != nil {
			return err
		}
		_, err := rows.Read(ctx, fingerprint.Reading{Paths: rows.Files(), PastCache: true, Progress: progress(call, t.spec.Name)})
		if err == nil {
			t.mu.Lock()
			t.audited = began
			t.mu.Unlock()
		}
		return err
	}, true)
}

// lookAt does something with each tree that is open, and answers with what is known after it: the state of a tree says what kept it
// from being looked at.
func (s *Service) lookAt(ctx context.Context, of *member, do func(*tree, *Held) error, audited bool) (*wire.Answer, error) {
	for _, t := range of.trees {
		held, err := t.use()
		if err != nil {
			audited = false
			continue
		}
		if err := do(t, held); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			audited = false
			t.failed(err)
		}
	}
	stale, err := s.staleProcesses(ctx, of)
	if err != nil {
		return nil, err
	}
	seen := s.seen(of)
	seen.Audited, seen.Stale = audited, stale
	fit(seen)
	return &wire.Answer{Piece: &wire.Answer_Look{Look: seen}}, nil
}

// progress tells the sidecar where a reading is, now and then.
func progress(call Call, name string) func(string, int64, int64) {
	var told time.Time
	return func(path string, done, size int64) {
		if time.Since(told) < progressEvery {
			return
		}
		told = time.Now()
		call.Progress(&wire.Progress{What: "reading " + name, Path: []byte(path), BytesDone: uint64(done), BytesTotal: uint64(size)})
	}
}

// rows sends the rows of the newest look, or what is different from an earlier one where that is known; what changes while they are
// sent makes it void.
func (s *Service) rows(ctx context.Context, of *member, call Call) (*wire.Answer, error) {
	number := of.look()
	sources, all, err := of.rowsSince(call.Request().GetRows().GetSince())
	if err != nil {
		return nil, err
	}
	list, size := &wire.RowList{Look: number, All: all}, 0
	for _, rows := range sources {
		for one := range rows {
			if size += proto.Size(one) + 8; size > rowsPiece && len(list.Rows) > 0 {
				if err := call.Send(ctx, &wire.Answer{Piece: &wire.Answer_Rows{Rows: list}}); err != nil {
					return nil, err
				}
				list, size = &wire.RowList{Look: number, All: all}, proto.Size(one)+8
			}
			list.Rows = append(list.Rows, one)
		}
	}
	if of.look() != number {
		return nil, void("the trees changed while their rows were sent")
	}
	return &wire.Answer{Piece: &wire.Answer_Rows{Rows: list}}, nil
}

// rowsSince are each tree's rows, in their order: what is different from a look, or all if that is not known of each tree.
func (of *member) rowsSince(since uint64) (sources []iter.Seq[*wire.Row], all bool, err error) {
	versions, known := of.at(since)
	var different, whole []iter.Seq[*wire.Row]
	for i, t := range of.trees {
		held, err := t.use()
		if err != nil {
			return nil, false, void("%w", err)
		}
		whole = append(whole, listed(i, held.Rows.Rows(), nil))
		if !known {
			continue
		}
		rows, gone, still := t.since(held, versions[i])
		if known = still; still {
			different = append(different, listed(i, rows, gone))
		}
	}
	if !known {
		return whole, true, nil
	}
	return different, false, nil
}

// since are the rows that are not as they were at an earlier version, and the paths of those that are gone; false: that is not known.
func (t *tree) since(held *Held, earlier version) (rows iter.Seq[fingerprint.Row], gone []string, known bool) {
	if t.version().opened != earlier.opened {
		return nil, nil, false
	}
	return held.Rows.Since(earlier.rows)
}

// listed are rows, and between them those that are gone, both in the order of their paths.
func listed(tree int, rows iter.Seq[fingerprint.Row], gone []string) iter.Seq[*wire.Row] {
	return func(yield func(*wire.Row) bool) {
		lost := func(path string) bool { return yield(&wire.Row{Tree: uint32(tree), Path: []byte(path)}) }
		for row := range rows {
			for len(gone) > 0 && gone[0] < row.Path {
				if !lost(gone[0]) {
					return
				}
				gone = gone[1:]
			}
			if !yield(rowOf(tree, row)) {
				return
			}
		}
		for _, path := range gone {
			if !lost(path) {
				return
			}
		}
	}
}

func rowOf(tree int, row fingerprint.Row) *wire.Row {
	one := &wire.Row{
		Tree: uint32(tree), Path: []byte(row.Path), Digest: row.Digest[:], Ctime: row.Ctime, Inode: row.Ino,
		Settled: row.Settled, Trouble: row.Trouble,
	}
	if row.Unread {
		one.Digest, one.Trouble = nil, "it is still to be read"
	}
	return one
}

// sentenceOf is what a person reads of it. A trouble says itself which tree it is about.
func sentenceOf(tree string, err error) string {
	var trouble *evidence.Trouble
	switch {
	case errors.As(err, &trouble):
		return trouble.Text
	case errors.Is(err, fingerprint.ErrReplaced):
		return fmt.Sprintf("The tree %s is another directory than before, and is opened anew; mount its file system again unless that was meant", tree)
	case errors.Is(err, unix.EIO):
		return evidence.DiskFailure("the tree "+tree+" is looked at", err).Error()
	}
	return fmt.Sprintf("The tree %s cannot be looked at: %v", tree, err)
}

// reasonOf is a stable word for what keeps a tree from being looked at.
func reasonOf(err error) string {
	var trouble *evidence.Trouble
	switch {
	case errors.As(err, &trouble):
		return trouble.Reason
	case errors.Is(err, fingerprint.ErrReplaced):
		return "TreeReplaced"
	case errors.Is(err, fingerprint.ErrTooLarge):
		return "TooManyEntries"
	case errors.Is(err, unix.EIO):
		return evidence.DiskFails
	case errors.Is(err, fs.ErrNotExist):
		return evidence.PathMissing
	case errors.Is(err, unix.ENOTDIR):
		return evidence.NotADirectory
	}
	return evidence.Unreadable
}
