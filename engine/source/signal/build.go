package signal

import "google.golang.org/protobuf/encoding/protowire"

// The builders below write frames field by field, for tests and for generated
// histories. Each Append method appends the message's bytes to dst and returns it;
// zero fields are left out, as proto3 does. AppendFrame makes a frame of one and
// AppendDelimited puts the length before it, as main has it.

// AppendDelimited appends the length of message as a varint, and message.
func AppendDelimited(dst, message []byte) []byte {
	return protowire.AppendBytes(dst, message)
}

// AppendFrame appends a frame that holds message in the given field (FrameAccount …).
func AppendFrame(dst []byte, field FrameKind, message []byte) []byte {
	return appendMessage(dst, protowire.Number(field), message)
}

// A FrameKind is the field of a frame that is set: what the frame is about.
type FrameKind int32

// The kinds of frames.
const (
	FrameAccount FrameKind = 1 + iota
	FrameRecipient
	FrameChat
	FrameChatItem
	FrameStickerPack
	FrameAdHocCall
	FrameProfile
	FrameFolder
)

var frameWords = [...]string{"unknown", "account", "recipient", "chat", "message", "sticker pack", "call", "notification profile", "chat folder"}

// String returns what people call it.
func (k FrameKind) String() string {
	if k < 0 || int(k) >= len(frameWords) {
		k = 0
	}
	return frameWords[k]
}

// Info is the first message of main: which backup this is.
type Info struct {
	Version      uint64 // 1
	TimeMs       uint64 // when the backup was made
	MediaRootKey []byte // 32 bytes
	CurrentApp   string
	FirstApp     string
	DebugInfo    []byte
}

// Append appends the BackupInfo message.
func (i Info) Append(dst []byte) []byte {
	dst = appendUint(dst, 1, i.Version)
	dst = appendUint(dst, 2, i.TimeMs)
	dst = appendBytes(dst, 3, i.MediaRootKey)
	dst = appendText(dst, 4, i.CurrentApp)
	dst = appendText(dst, 5, i.FirstApp)
	return appendBytes(dst, 6, i.DebugInfo)
}

// Account is the owner of the history.
type Account struct {
	ProfileKey            []byte // 32 bytes
	Username              string
	GivenName, FamilyName string
	ExpireTimerSeconds    uint32
	Wallpaper             *Pointer // of chats without one of their own
}

// Append appends the AccountData message.
func (a Account) Append(dst []byte) []byte {
	dst = appendBytes(dst, 1, a.ProfileKey)
	dst = appendText(dst, 2, a.Username)
	dst = appendText(dst, 4, a.GivenName)
	dst = appendText(dst, 5, a.FamilyName)
	var settings []byte
	settings = appendUint(settings, 7, uint64(a.ExpireTimerSeconds))
	if a.Wallpaper != nil {
		settings = appendMessage(settings, 18, appendStyle(nil, a.Wallpaper))
	}
	if len(settings) > 0 {
		dst = appendMessage(dst, 9, settings)
	}
	return dst
}

// Chat is a conversation.
type Chat struct {
	ID, RecipientID   uint64
	Archived          bool
	ExpirationTimerMs uint64
	Wallpaper         *Pointer
}

// Append appends the Chat message.
func (c Chat) Append(dst []byte) []byte {
	dst = appendUint(dst, 1, c.ID)
	dst = appendUint(dst, 2, c.RecipientID)
	dst = appendBool(dst, 3, c.Archived)
	dst = appendUint(dst, 5, c.ExpirationTimerMs)
	if c.Wallpaper != nil {
		dst = appendMessage(dst, 9, appendStyle(nil, c.Wallpaper))
	}
	return dst
}

// StickerPack is an installed pack of stickers.
type StickerPack struct {
	PackID  []byte // 16 bytes
	PackKey []byte // 32 bytes
}

// Append appends the StickerPack message.
func (s StickerPack) Append(dst []byte) []byte {
	dst = appendBytes(dst, 1, s.PackID)
	return appendBytes(dst, 2, s.PackKey)
}

// Folder is a folder of chats.
type Folder struct {
	Name     string
	ID       []byte // 16 bytes
	Included []uint64
}

// Append appends the ChatFolder message.
func (f Folder) Append(dst []byte) []byte {
	dst = appendText(dst, 1, f.Name)
	dst = appendUint(dst, 6, 2)
	var ids []byte
	for _, id := range f.Included {
		ids = protowire.AppendVarint(ids, id)
	}
	dst = appendBytes(dst, 7, ids)
	return appendBytes(dst, 9, f.ID)
}

// appendStyle appends a ChatStyle with a photo as wallpaper.
func appendStyle(dst []byte, photo *Pointer) []byte {
	return appendMessage(dst, 2, photo.Append(nil))
}

func appendUint(dst []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), v)
}

func appendBool(dst []byte, field protowire.Number, v bool) []byte {
	if !v {
		return dst
	}
	return appendUint(dst, field, 1)
}

func appendBytes(dst []byte, field protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return dst
	}
	return appendMessage(dst, field, v)
}

func appendText(dst []byte, field protowire.Number, v string) []byte {
	if v == "" {
		return dst
	}
	return protowire.AppendString(protowire.AppendTag(dst, field, protowire.BytesType), v)
}

// appendMessage appends a field of bytes, also when it is empty.
func appendMessage(dst []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, field, protowire.BytesType), v)
}
