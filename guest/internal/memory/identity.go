package memory

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/beneath"
)

const (
	getFsUUID   = 0x80111500 // FS_IOC_GETFSUUID, from kernel 6.9
	xfsGeometry = 0x80705864 // XFS_IOC_FSGEOMETRY_V1
	btrfsInfo   = 0x8400941f // BTRFS_IOC_FS_INFO
)

// identity tells file systems apart, by the same number under every kernel: else the memory would be lost with a new one. So
// ext4 is asked with statfs, whose f_fsid is made of its UUID; only others are asked with what newer kernels have.
func identity(dir *beneath.Dir) ([]byte, error) {
	var found []byte
	err := dir.Control(func(fd int) error {
		var st unix.Statfs_t
		if err := unix.Fstatfs(fd, &st); err != nil {
			return fmt.Errorf("asking for the file system: %w", err)
		}
		found = binary.BigEndian.AppendUint32(nil, uint32(st.Type))
		var answer [1024]byte
		switch uint32(st.Type) {
		case unix.EXT4_SUPER_MAGIC:
		case unix.XFS_SUPER_MAGIC:
			if ask(fd, xfsGeometry, &answer) {
				found = append(found, answer[64:80]...)
				return nil
			}
		case unix.BTRFS_SUPER_MAGIC:
			if ask(fd, btrfsInfo, &answer) {
				found = append(found, answer[16:32]...)
				return nil
			}
		default:
			if ask(fd, getFsUUID, &answer) && answer[0] > 0 && answer[0] <= 16 {
				found = append(found, answer[1:1+answer[0]]...)
				return nil
			}
		}
		for _, half := range st.Fsid.Val {
			found = binary.BigEndian.AppendUint32(found, uint32(half))
		}
		return nil
	})
	return found, err
}

func ask(fd int, request uintptr, answer *[1024]byte) bool {
	_, _, err := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(answer)))
	return err == 0
}
