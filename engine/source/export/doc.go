// Package export reads and writes Signal's plaintext export: one JSON object on each
// line of main.jsonl, and the media beside it.
//
//	main.jsonl                  line 1: which backup; then one frame a line
//	metadata.json
//	files/ab/ab12….jpg          media: 64 hex digits and an end from a short list
//
// It is a folder, or a ZIP of one. A Source keeps each line as it stands, so that Write
// gives main.jsonl back byte for byte. Write also makes such an export of a history
// that came from a local backup, frame by frame.
package export
