package index

import "golang.org/x/sys/windows"

// freeSpace returns how many bytes the disk that dir lies on has for this user.
func freeSpace(dir string) (free uint64, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	err = windows.GetDiskFreeSpaceEx(name, &free, nil, nil)
	return free, err
}
