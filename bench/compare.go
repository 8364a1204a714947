package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// errDiffers says that what came back is not what went in.
var errDiffers = errors.New("differs from the original")

// compareTrees compares names, types, permissions, times of files, targets of links
// and contents of two folders.
func compareTrees(want, got string) error {
	n, err := names(want)
	if err != nil {
		return err
	}
	m, err := names(got)
	if err != nil {
		return err
	}
	for name, info := range n {
		other, ok := m[name]
		if !ok {
			return fmt.Errorf("%s is missing: %w", name, errDiffers)
		}
		if info.Mode() != other.Mode() || info.Mode().IsRegular() && (info.Size() != other.Size() || !info.ModTime().Equal(other.ModTime())) {
			return fmt.Errorf("%s: %v %d %v, want %v %d %v: %w", name, other.Mode(), other.Size(), other.ModTime(), info.Mode(), info.Size(), info.ModTime(), errDiffers)
		}
		if !info.Mode().IsRegular() {
			continue
		}
		if err := compareFiles(filepath.Join(want, name), filepath.Join(got, name)); err != nil {
			return err
		}
	}
	if len(m) != len(n) {
		return fmt.Errorf("%d names, want %d: %w", len(m), len(n), errDiffers)
	}
	return nil
}

func names(root string) (map[string]fs.FileInfo, error) {
	m := map[string]fs.FileInfo{}
	return m, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		m[path[len(root)+1:]] = info
		return err
	})
}

func compareFiles(want, got string) error {
	f, err := os.Open(want)
	if err != nil {
		return err
	}
	defer f.Close()
	g, err := os.Open(got)
	if err != nil {
		return err
	}
	defer g.Close()
	a, b := make([]byte, 256<<10), make([]byte, 256<<10)
	for {
		n, errA := io.ReadFull(f, a)
		m, errB := io.ReadFull(g, b)
		if !bytes.Equal(a[:n], b[:m]) {
			return fmt.Errorf("%s: %w", got, errDiffers)
		}
		if errA != nil || errB != nil {
			return nil // both at the end, since they were equally long
		}
	}
}

// usage returns how many files lie below root and how many bytes they have.
func usage(root string) (files, bytes int64, err error) {
	err = filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files++
			bytes += info.Size()
		}
		return err
	})
	return files, bytes, err
}
