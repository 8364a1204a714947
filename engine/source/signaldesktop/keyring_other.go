//go:build !linux

package signaldesktop

func secretOfKeyring() ([]byte, error) { return nil, ErrKeyring }
