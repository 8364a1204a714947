// Package signallocal reads and writes Signal's local backups: a folder SignalBackups
// with snapshots of messages, encrypted, and the media that they share.
//
// A Source reads the newest complete snapshot. It checks the HMAC of main before it
// believes a byte of it, and then streams its frames: one item for each, then one for
// each media that a frame shows. The content of a media is opened only when the engine
// asks for it. Media that are shown but missing or altered are reported one by one;
// the folder's own list of names, which nobody signs, is only compared (Report).
//
// Write is the way back: a history that came from such a folder becomes one again,
// frame for frame and media for media.
package signallocal
