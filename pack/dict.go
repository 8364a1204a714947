package pack

import _ "embed"

// dictionary is built-in dictionary 1, the history that a leaf is compressed
// against: raw content in the sense of zstd, words and phrases of chats in
// seven languages and the skeletons of Signal's frames and export lines. It was
// written for this and holds nothing of anyone. It is frozen: other bytes would
// be another codec. TestDictionary builds it from testdata/dict.
//
//go:embed dict1.bin
var dictionary []byte
