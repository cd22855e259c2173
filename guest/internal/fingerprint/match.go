package fingerprint

import "strings"

// excludes are patterns as find's -name and -path take them, over bytes as in LC_ALL=C.
type excludes struct{ names, paths []string }

func newExcludes(patterns []string) (e excludes) {
	for _, pattern := range patterns {
		plain := strings.TrimSuffix(pattern, "/")
		switch {
		case plain == "":
		case !strings.Contains(pattern, "/"):
			e.names = append(e.names, plain)
		case plain[0] == '/':
			e.paths = append(e.paths, plain[1:])
		default:
			e.paths = append(e.paths, plain)
		}
	}
	return e
}

// match is true for a path below the root that is excluded itself; what is below it is not asked for.
func (e excludes) match(path string) bool {
	if path == Own {
		return true
	}
	name := path[strings.LastIndexByte(path, '/')+1:]
	for _, pattern := range e.names {
		if fnmatch(pattern, name) {
			return true
		}
	}
	for _, pattern := range e.paths {
		if fnmatch(pattern, path) {
			return true
		}
	}
	return false
}

// above is true for a path that is excluded, itself or by something above it.
func (e excludes) above(path string) bool {
	for end := 0; end < len(path); end++ {
		if path[end] == '/' && e.match(path[:end]) {
			return true
		}
	}
	return path != "" && e.match(path)
}

// fnmatch is the C library's without flags, in the locale C: * and ? match slashes and leading dots, a backslash quotes.
func fnmatch(pattern, name string) bool {
	p, n := 0, 0
	starP, starN := -1, 0 // where to go on if the rest does not match: the last * takes one more
	for {
		next, matched := step(pattern, p, name, n)
		switch {
		case p < len(pattern) && pattern[p] == '*':
			p++
			starP, starN = p, n
			continue
		case p == len(pattern) && n == len(name):
			return true
		case matched:
			p, n = next, n+1
			continue
		}
		if starP < 0 || starN >= len(name) {
			return false
		}
		starN++
		p, n = starP, starN
	}
}

// step matches one byte of the name with one unit of the pattern, and says where the next begins.
func step(pattern string, p int, name string, n int) (next int, matched bool) {
	if p >= len(pattern) || n >= len(name) {
		return 0, false
	}
	switch c := pattern[p]; c {
	case '?':
		return p + 1, true
	case '\\':
		if p+1 == len(pattern) {
			return 0, false
		}
		return p + 2, pattern[p+1] == name[n]
	case '[':
		if next, matched, whole := bracket(pattern, p+1, name[n]); whole {
			return next, matched
		}
		return p + 1, name[n] == '['
	default:
		return p + 1, c == name[n]
	}
}

// bracket matches a byte with [...], whose inside begins at p. It is not whole if the end is missing: then [ is a plain byte.
func bracket(pattern string, p int, b byte) (next int, matched, whole bool) {
	not := false
	if p < len(pattern) && (pattern[p] == '!' || pattern[p] == '^') {
		not = true
		p++
	}
	found, broken := false, false
	for first := true; ; first = false {
		if p >= len(pattern) {
			return 0, false, false
		}
		c := pattern[p]
		if c == ']' && !first {
			return p + 1, !broken && found != not, true
		}
		if class, after, ok := class(pattern, p); ok {
			in, known := inClass(class, b)
			found, broken = found || in, broken || !known
			p = after
			continue
		}
		low, after, ok := element(pattern, p)
		if !ok {
			return 0, false, false
		}
		p = after
		if p+1 < len(pattern) && pattern[p] == '-' && pattern[p+1] != ']' {
			high, after, ok := element(pattern, p+1)
			if !ok {
				return 0, false, false
			}
			p = after
			found = found || low.is <= int(b) && int(b) <= high.is
			broken = broken || low.is < 0 || high.is < 0
			continue
		}
		found, broken = found || low.is == int(b), broken || low.is < 0
	}
}

// class reads [:name:].
func class(pattern string, p int) (name string, after int, ok bool) {
	if !strings.HasPrefix(pattern[p:], "[:") {
		return "", 0, false
	}
	end := strings.Index(pattern[p+2:], ":]")
	if end < 0 {
		return "", 0, false
	}
	name = pattern[p+2 : p+2+end]
	for _, c := range []byte(name) {
		if c < 'a' || c >= 'z' {
			return "", 0, false
		}
	}
	return name, p + 2 + end + 2, true
}

// one is a byte of a bracket; below 0 it is none that exists, and nothing matches.
type one struct{ is int }

// element reads a byte, a quoted one, [.x.] or [=x=].
func element(pattern string, p int) (found one, after int, ok bool) {
	switch rest := pattern[p:]; {
	case rest[0] == '\\':
		if len(rest) < 2 {
			return one{}, 0, false
		}
		return one{int(rest[1])}, p + 2, true
	case strings.HasPrefix(rest, "[="):
		if len(rest) >= 5 && rest[3:5] == "=]" {
			return one{int(rest[2])}, p + 5, true
		}
	case strings.HasPrefix(rest, "[."):
		end := strings.Index(rest[2:], ".]")
		if end < 0 {
			return one{-1}, p + 2, true
		}
		if end != 1 {
			return one{-1}, p + 2 + end + 2, true
		}
		return one{int(rest[2])}, p + 5, true
	}
	return one{int(pattern[p])}, p + 1, true
}

// inClass is isalpha and its like in the locale C.
func inClass(class string, b byte) (in, known bool) {
	lower, upper, digit := 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9'
	graph := 0x21 <= b && b <= 0x7e
	switch class {
	case "lower":
		return lower, true
	case "upper":
		return upper, true
	case "digit":
		return digit, true
	case "alpha":
		return lower || upper, true
	case "alnum":
		return lower || upper || digit, true
	case "xdigit":
		return digit || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F', true
	case "space":
		return b == ' ' || '\t' <= b && b <= '\r', true
	case "blank":
		return b == ' ' || b == '\t', true
	case "cntrl":
		return b < 0x20 || b == 0x7f, true
	case "graph":
		return graph, true
	case "print":
		return graph || b == ' ', true
	case "punct":
		return graph && !lower && !upper && !digit, true
	}
	return false, false
}
