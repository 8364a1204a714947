package main

import (
	"context"
	"os"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/engine/store/rclone"
	"github.com/dayfold/dayfold/engine/store/s3"
	"github.com/dayfold/dayfold/engine/store/sftp"
	"github.com/dayfold/dayfold/engine/store/webdav"
)

// openS3 opens a bucket. Its credentials are those of AWS's own programs:
// AWS_ACCESS_KEY_ID and so on, or a profile.
func openS3(ctx context.Context, rest string, _ bool) (store.Store, error) {
	opt, err := s3.ParseURL(rest)
	if err != nil {
		return nil, misused("%v", err)
	}
	return opened(s3.Open(ctx, opt))
}

// openWebDAV opens a collection. Its credentials are WEBDAV_USERNAME and WEBDAV_PASSWORD.
func openWebDAV(ctx context.Context, rest string, _ bool) (store.Store, error) {
	return opened(webdav.Open(ctx, webdav.Options{URL: rest, Username: os.Getenv("WEBDAV_USERNAME"), Password: os.Getenv("WEBDAV_PASSWORD")}))
}

// openSFTP opens a folder of another machine, with the keys of ~/.ssh and its agent.
func openSFTP(ctx context.Context, rest string, _ bool) (store.Store, error) {
	opt, err := sftp.ParseURL("sftp:" + rest)
	if err != nil {
		return nil, misused("%v", err)
	}
	return opened(sftp.Open(ctx, opt))
}

// openRclone opens what the program rclone reaches, as its own configuration says.
func openRclone(ctx context.Context, rest string, _ bool) (store.Store, error) {
	opt, err := rclone.ParseURL("rclone:" + rest)
	if err != nil {
		return nil, misused("%v", err)
	}
	return opened(rclone.Open(ctx, opt))
}

// opened keeps a nil pointer from becoming a store that is not nil.
func opened[S store.Store](s S, err error) (store.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}
