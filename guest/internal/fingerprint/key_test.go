package fingerprint

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

func testKey(t testing.TB) Key {
	t.Helper()
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i*7 + 1)
	}
	key, err := NewKey(secret)
	must(t, err)
	return key
}

// The digests below were computed by FingerprintKey.java and Contents.java.
func TestGivenTheSameFieldsThenTheDigestsAreThoseOfTheSidecar(t *testing.T) {
	short, err := NewKey(make([]byte, 16))
	must(t, err)
	long := make([]byte, 64)
	for i := range long {
		long[i] = byte(200 + i)
	}
	longest, err := NewKey(long)
	must(t, err)
	for wanted, got := range map[string]Digest{
		"b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad": short.Fingerprint(),
		"a2c3b398843be46720dcfbff4305992ce1716d786a78ab2652ef9c554216e1d0": longest.Fingerprint("a", "", "\xff\x00b", strings.Repeat("x", 5000)),
	} {
		if got.String() != wanted {
			t.Errorf("%s, not %s", got, wanted)
		}
	}
	for _, size := range []int{0, 15, 65} {
		if _, err := NewKey(make([]byte, size)); err == nil {
			t.Errorf("a key of %d bytes was taken", size)
		}
	}
}

func TestGivenTheSameEntriesThenTheirRowsAreThoseOfTheSidecar(t *testing.T) {
	key := testKey(t)
	type stat = beneath.Stat
	for _, row := range []struct {
		stat            stat
		content, target string
		wanted          string
	}{
		{stat{Type: 'd', Mode: 0o755, Size: 4096}, "", "", "1980d4b4c9f7e876dae96cc34d48802bcadfffe319380d008de67b9ffad608d1"},
		{stat{Type: 'f', Mode: 0o644, UID: 1000, GID: 1000}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "", "f1240bd35c20e2b787ee81e42cf4991dff643576b967ae16e8d6901e6b3d1495"},
		{stat{Type: 'f', Mode: 0o4755, UID: 4294967294, GID: 4294967295, Size: 1<<63 - 1}, Unreadable, "", "2032dcc1f61937954ee9f12897a78df5f379b8fe2bde2ae7dd51ef7f0b2526d3"},
		{stat{Type: 'f', Size: 1}, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "", "cfb0600990cb452807a07b65dfa40864dcb9cce5668e338eab7ae691acee1a8b"},
		{stat{Type: 'l', Mode: 0o777, GID: 5, Size: 3}, "", "\xfftarget\n", "299d1e1a67840044b7800fd66e19756ffe0baec1b8408a1b0d08fbf54bceb72e"},
		{stat{Type: 'p', Mode: 0o600, GID: 5}, "", "", "911e581495663519dd0aad9c5a47fc54e6d594ba4b00b4ad5cd3246b81dc735c"},
		{stat{Type: 's', Mode: 0o600, GID: 5}, "", "", "f74fc36beaabf916e8ad1e9e30c2800497ad6eef917fe125a84ce7082dcfdf4e"},
		{stat{Type: 'c', Mode: 0o666, Rdev: unix.Mkdev(1, 3)}, "1:3", "", "a70c7ca3b6b9801ab9ee8eca2de3cb58fbe75483c2d67b26cb67381ce9d4cdb8"},
		{stat{Type: 'b', Mode: 0o660, GID: 6, Rdev: unix.Mkdev(0x103, 0x2a)}, "103:2a", "", "677d859f34928317e181499c5b02476bfbc9c307f8e50f079a4b295d5c4cb8b3"},
		{stat{Type: 'd', Mode: 0o1777, UID: 65534, GID: 65534, Size: 40}, "", "", "e9712f2d7ef7f8de5d93966e710e018bf6e76516f89c276936743351f3ebc20a"},
	} {
		e := Entry{Stat: row.stat, Target: row.target}
		if row.stat.Type != 'f' && e.Content() != row.content {
			t.Errorf("%c: content %q", row.stat.Type, e.Content())
		}
		if got := key.Row(e, row.content).String(); got != row.wanted {
			t.Errorf("%+v: %s", row, got)
		}
		for _, more := range []Entry{{Stat: row.stat, Xattrs: []Xattr{{"user.a", ""}}}, {Stat: row.stat, LinkTo: "a"}} {
			if key.Row(more, row.content).String() == row.wanted {
				t.Error("what is more about an entry is not in its digest")
			}
		}
	}
}

func TestGivenACtimeThenItIsPastAsTheSidecarMeansIt(t *testing.T) {
	for _, c := range []struct {
		ctime, seconds int64
		past           bool
	}{{7e9, 9, false}, {7e9, 10, true}, {6_999_999_999, 9, true}, {12e9, 9, true}, {11_999_999_999, 9, false}, {-1, 2, true}, {-1, 1, false}} {
		if IsPast(c.ctime, c.seconds) != c.past {
			t.Error(c)
		}
	}
}
