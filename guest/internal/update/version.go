package update

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// versionForm is that of versions that can be compared: numbers, perhaps with what comes before a release (-SNAPSHOT) and what does
// not count (+build).
var versionForm = regexp.MustCompile(`^([0-9]{1,9}(?:\.[0-9]{1,9}){1,3})(?:-([0-9A-Za-z.-]{1,100}))?(?:\+[0-9A-Za-z.-]{1,100})?$`)

// Newer is true if the first version comes after the second one, as in semantic versioning. A version that is none ("development")
// is newer than nothing, and nothing is newer than it. Java has the same (io.virtquorum.program.Version), by the same examples.
func Newer(one, other string) bool {
	a, b := versionForm.FindStringSubmatch(one), versionForm.FindStringSubmatch(other)
	if a == nil || b == nil {
		return false
	}
	if order := compareNumbers(a[1], b[1]); order != 0 {
		return order > 0
	}
	if (a[2] == "") != (b[2] == "") {
		return a[2] == ""
	}
	return slices.CompareFunc(strings.Split(a[2], "."), strings.Split(b[2], "."), compareWords) > 0
}

// compareNumbers takes what one lacks for zeros.
func compareNumbers(one, other string) int {
	a, b := strings.Split(one, "."), strings.Split(other, ".")
	for i := range max(len(a), len(b)) {
		if order := cmp.Compare(number(a, i), number(b, i)); order != 0 {
			return order
		}
	}
	return 0
}

func number(of []string, i int) int {
	if i >= len(of) {
		return 0
	}
	n, _ := strconv.Atoi(of[i]) // nine digits at most
	return n
}

func compareWords(a, b string) int {
	n, notA := strconv.ParseUint(a, 10, 64)
	m, notB := strconv.ParseUint(b, 10, 64)
	switch {
	case notA == nil && notB == nil:
		return cmp.Compare(n, m)
	case notA == nil:
		return -1
	case notB == nil:
		return 1
	}
	return cmp.Compare(a, b)
}
