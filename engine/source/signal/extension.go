package signal

import "strings"

// extensions are the ends that the name of a media file may have when it is written
// in clear, by content type. Nothing else ever becomes part of a file name.
var extensions = map[string]string{
	"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif",
	"image/heic": "heic", "image/heif": "heif", "image/avif": "avif", "image/bmp": "bmp",
	"image/tiff": "tiff", "image/svg+xml": "svg", "image/apng": "apng",
	"video/mp4": "mp4", "video/quicktime": "mov", "video/webm": "webm", "video/3gpp": "3gp",
	"video/x-matroska": "mkv", "audio/aac": "aac", "audio/mpeg": "mp3", "audio/mp4": "m4a",
	"audio/ogg": "ogg", "audio/opus": "opus", "audio/wav": "wav", "audio/flac": "flac", "audio/amr": "amr",
	"text/plain": "txt", "text/x-signal-plain": "txt", "text/csv": "csv", "text/vcard": "vcf",
	"application/pdf": "pdf", "application/zip": "zip", "application/json": "json",
	"application/gzip": "gz", "application/x-7z-compressed": "7z", "application/epub+zip": "epub",
	"application/vnd.android.package-archive":                                   "apk",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   "docx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         "xlsx",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
	"application/msword": "doc", "application/vnd.ms-excel": "xls",
	"application/vnd.oasis.opendocument.text": "odt", "application/octet-stream": "bin",
}

var allowed = func() map[string]bool {
	m := map[string]bool{"jpeg": true, "md": true, "tar": true, "m4v": true}
	for _, ext := range extensions {
		m[ext] = true
	}
	return m
}()

// Extension returns the end of a file's name, without the dot: that of its content
// type, else that of its own name, if it is on the list, else "bin".
func Extension(contentType, fileName string) string {
	ext := extensions[strings.ToLower(contentType)]
	if ext != "" && ext != "bin" {
		return ext
	}
	if i := strings.LastIndexByte(fileName, '.'); i >= 0 && AllowedExtension(strings.ToLower(fileName[i+1:])) {
		return strings.ToLower(fileName[i+1:])
	}
	return "bin"
}

// AllowedExtension says whether ext is on the list.
func AllowedExtension(ext string) bool { return allowed[ext] }
