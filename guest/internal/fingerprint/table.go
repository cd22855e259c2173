package fingerprint

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

const (
	recordsPerChunk = 8192
	arenaChunk      = 1 << 20
	// pathMost bounds a path's length; it must fit into a chunk.
	pathMost = 1 << 16
)

type flags uint8

const (
	unread flags = 1 << iota // metadata moved since the digest was made, or none was made
	settled
	multi   // the inode has several names
	gone    // the slot is free, or will be at the next sort
	trouble // see Scanner.troubles
	doubted // a write after it was read may have the same ctime
)

// record is a row in a fixed size and without pointers.
type record struct {
	path         uint64 // where its bytes are in the arena
	length       uint32
	mode         uint16
	typ          byte
	flags        flags
	uid, gid     uint32
	size         int64 // of a device its number
	ino, dev     uint64
	mtime, ctime int64
	digest       Digest
	link         uint32 // the record of the first path of its inode, plus 1; 0: none
	seen         uint32 // by which look
	changed      uint64 // the version of the rows since which it is as it is
}

// table keeps records by path. They lie outside of Go's heap, beside which the collector would let as much garbage again grow.
// A record's number stays as long as it is there. For one goroutine at a time.
type table struct {
	records [][]record
	used    uint32 // numbers ever given
	free    []uint32

	arena [][]byte
	end   uint64 // of the arena
	dead  uint64 // bytes in it that belong to nothing

	slots []uint32 // by hash of the path: number plus 1
	count int
	left  int // of them that are unread
	seed  maphash.Seed

	order []uint32 // by path; sort brings it up to date
	fresh []uint32
	stale []uint32 // removed, still in order
}

func newTable() *table { return &table{seed: maphash.MakeSeed(), slots: make([]uint32, 1024)} }

func chunk(size int) ([]byte, error) {
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("getting memory for the rows: %w", err)
	}
	return memory, nil
}

// close gives the memory back; the table is not to be used any more.
func (t *table) close() {
	for _, records := range t.records {
		size := recordsPerChunk * int(unsafe.Sizeof(record{}))
		_ = unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(&records[0])), size))
	}
	freeAll(t.arena)
	*t = table{}
}

func freeAll(arena [][]byte) {
	for _, memory := range arena {
		_ = unix.Munmap(memory)
	}
}

func (t *table) at(i uint32) *record { return &t.records[i/recordsPerChunk][i%recordsPerChunk] }

// path is valid until the next sort.
func (t *table) path(i uint32) []byte {
	r := t.at(i)
	start := r.path % arenaChunk
	return t.arena[r.path/arenaChunk][start : start+uint64(r.length)]
}

func (t *table) get(path string) (uint32, bool) {
	at := t.slot(path)
	if t.slots[at] == 0 {
		return 0, false
	}
	return t.slots[at] - 1, true
}

// slot is where the path is in the index, or where it belongs.
func (t *table) slot(path string) int {
	mask := len(t.slots) - 1
	at := int(maphash.String(t.seed, path)) & mask
	for t.slots[at] != 0 && string(t.path(t.slots[at]-1)) != path {
		at = (at + 1) & mask
	}
	return at
}

// add makes a record of a path that has none.
func (t *table) add(path string) (uint32, error) {
	if len(t.slots)*2 < (t.count+1)*3 {
		t.grow()
	}
	i := t.used
	if n := len(t.free); n > 0 {
		i = t.free[n-1]
	} else if int(i)/recordsPerChunk == len(t.records) {
		memory, err := chunk(recordsPerChunk * int(unsafe.Sizeof(record{})))
		if err != nil {
			return 0, err
		}
		t.records = append(t.records, unsafe.Slice((*record)(unsafe.Pointer(&memory[0])), recordsPerChunk))
	}
	where, err := t.store([]byte(path))
	if err != nil {
		return 0, err
	}
	if n := len(t.free); n > 0 {
		t.free = t.free[:n-1]
	} else {
		t.used++
	}
	*t.at(i) = record{path: where, length: uint32(len(path)), flags: unread}
	t.slots[t.slot(path)] = i + 1
	t.count++
	t.left++
	t.fresh = append(t.fresh, i)
	return i, nil
}

func (t *table) store(path []byte) (uint64, error) {
	if left := arenaChunk - t.end%arenaChunk; uint64(len(path)) > left || int(t.end/arenaChunk) == len(t.arena) {
		memory, err := chunk(arenaChunk)
		if err != nil {
			return 0, err
		}
		if t.end%arenaChunk != 0 {
			t.dead += left
			t.end += left
		}
		t.arena = append(t.arena, memory)
	}
	where := t.end
	copy(t.arena[where/arenaChunk][where%arenaChunk:], path)
	t.end += uint64(len(path))
	return where, nil
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]uint32, 2*len(old))
	mask := len(t.slots) - 1
	for _, slot := range old {
		if slot != 0 {
			at := int(maphash.Bytes(t.seed, t.path(slot-1))) & mask
			for t.slots[at] != 0 {
				at = (at + 1) & mask
			}
			t.slots[at] = slot
		}
	}
}

// remove forgets a record; its number is given again only after the next sort.
func (t *table) remove(i uint32) {
	mask := len(t.slots) - 1
	hole := t.slot(string(t.path(i)))
	t.slots[hole] = 0
	// What stood behind it because of it moves up.
	for at := (hole + 1) & mask; t.slots[at] != 0; at = (at + 1) & mask {
		home := int(maphash.Bytes(t.seed, t.path(t.slots[at]-1))) & mask
		if (at-home)&mask >= (at-hole)&mask {
			t.slots[hole], t.slots[at] = t.slots[at], 0
			hole = at
		}
	}
	r := t.at(i)
	if r.flags&unread != 0 {
		t.left--
	}
	r.flags = gone
	t.dead += uint64(r.length)
	t.count--
	t.stale = append(t.stale, i)
}

// sort brings order up to date and makes room of what was removed.
func (t *table) sort() error {
	if len(t.fresh) == 0 && len(t.stale) == 0 {
		return nil
	}
	byPath := func(a, b uint32) int { return bytes.Compare(t.path(a), t.path(b)) }
	t.fresh = slices.DeleteFunc(t.fresh, func(i uint32) bool { return t.at(i).flags&gone != 0 })
	slices.SortFunc(t.fresh, byPath)
	merged := make([]uint32, 0, t.count)
	next := 0
	for _, i := range t.order {
		if t.at(i).flags&gone != 0 {
			continue
		}
		for next < len(t.fresh) && byPath(t.fresh[next], i) < 0 {
			merged = append(merged, t.fresh[next])
			next++
		}
		merged = append(merged, i)
	}
	t.order = append(merged, t.fresh[next:]...)
	t.free = append(t.free, t.stale...)
	t.fresh, t.stale = nil, nil
	if t.dead > arenaChunk && t.dead > t.end/3 {
		return t.compact()
	}
	return nil
}

// compact writes the paths anew, without those that are gone. It needs their memory twice for the moment.
func (t *table) compact() error {
	var packed table
	places := make([]uint64, len(t.order))
	for n, i := range t.order {
		where, err := packed.store(t.path(i))
		if err != nil {
			freeAll(packed.arena)
			return err
		}
		places[n] = where
	}
	for n, i := range t.order {
		t.at(i).path = places[n]
	}
	freeAll(t.arena)
	t.arena, t.end, t.dead = packed.arena, packed.end, packed.dead
	return nil
}

// below finds the range in order of what is below a path; it itself is not in it. "" has all below.
func (t *table) below(path string) (from, to int) {
	if path == "" {
		return min(1, len(t.order)), len(t.order)
	}
	find := func(key string) int {
		at, _ := slices.BinarySearchFunc(t.order, key, func(i uint32, key string) int { return bytes.Compare(t.path(i), []byte(key)) })
		return at
	}
	return find(path + "/"), find(path + "0") // 0 comes right after the slash
}

// reread says whether the content of a row is to be read.
func (t *table) reread(i uint32, is bool) {
	r := t.at(i)
	if was := r.flags&unread != 0; is && !was {
		t.left++
		r.flags |= unread
	} else if was && !is {
		t.left--
		r.flags &^= unread
	}
}

// set takes over what a look saw.
func (r *record) set(st beneath.Stat) {
	r.typ, r.mode, r.uid, r.gid, r.size = st.Type, uint16(st.Mode), st.UID, st.GID, st.Size
	if st.Type == 'b' || st.Type == 'c' {
		r.size = int64(st.Rdev)
	}
	r.ino, r.dev, r.mtime, r.ctime = st.Ino, st.Dev, st.Mtime, st.Ctime
	r.flags &^= multi
	if st.Nlink > 1 && st.Type != 'd' {
		r.flags |= multi
	}
}

// is true if a look saw what is known. Whether there are several names counts by itself: ext4 moves the ctime before it counts a
// new name, and a look may fall in between.
func (r *record) is(st beneath.Stat) bool {
	var other record
	other.set(st)
	return r.typ == other.typ && r.mode == other.mode && r.uid == other.uid && r.gid == other.gid && r.size == other.size &&
		r.ino == other.ino && r.dev == other.dev && r.mtime == other.mtime && r.ctime == other.ctime &&
		r.flags&multi == other.flags&multi
}
