//go:build servers

package rclone_test

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/rclone"
	"github.com/dayfold/dayfold/engine/store/storetest"
)

// The real program, over a folder of this machine: DAYFOLD_TEST_RCLONE is a remote of
// type local and that folder. Its absence is a failure: see .ci/servers.
func TestServer(t *testing.T) {
	remote := os.Getenv("DAYFOLD_TEST_RCLONE")
	if remote == "" {
		t.Fatal("DAYFOLD_TEST_RCLONE is not set: see .ci/servers")
	}
	storetest.Run(t, func(t *testing.T) store.Store {
		own := remote + "/t-" + strings.ToLower(rand.Text())
		_, dir, _ := strings.Cut(own, ":")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		s, err := rclone.Open(t.Context(), rclone.Options{Remote: own})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	})
}
