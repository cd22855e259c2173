package fingerprint

import (
	"os"

	"virtquorum.io/guest/internal/beneath"
)

// AttributesOf reads the extended attributes of an open file that are part of the state, by name, whatever else changes about it meanwhile.
func AttributesOf(file *os.File, selinux bool) ([]Xattr, error) {
	return xattrs(selinux, func() ([]string, error) { return beneath.FileXattrs(file) },
		func(attribute string) ([]byte, error) { return beneath.FileXattr(file, attribute) })
}
