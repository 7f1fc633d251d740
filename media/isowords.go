package media

import (
	"bytes"
	"slices"
)

// isoPositions are names of boxes and keys that carry coordinates.
var isoPositions = []string{"\xa9xyz", "loci", "location.ISO6709", "gpmd", "GPSCoordinates", "GPSLatitude", "\xa9gps"}

// isoWords says what the name of a user data box or key tells.
var isoWords = []struct{ name, word string }{
	{"\xa9mak", wordCamera}, {"\xa9mod", wordCamera}, {"\xa9fmt", wordCamera},
	{"quicktime.make", wordCamera}, {"quicktime.model", wordCamera}, {"com.android.m", wordCamera},
	{"CNTH", wordCamera}, {"FIRM", wordCamera}, {"LENS", wordCamera}, {"NCTG", wordMaker},
	{"CAME", wordSerial}, {"serial", wordSerial}, {"Serial", wordSerial}, {"MUID", wordUnique},
	{"content.identifier", wordUnique}, {"\xa9day", wordTime}, {"creationdate", wordTime},
	{"\xa9nam", wordTags}, {"\xa9ART", wordTags}, {"covr", wordTags}, {"\xa9alb", wordTags},
	{"\xa9cmt", wordText}, {"desc", wordText}, {"\xa9inf", wordText}, {"cprt", wordCopyright},
	{"\xa9cpy", wordCopyright}, {"\xa9too", wordSoftware}, {"\xa9swr", wordSoftware},
	{"quicktime.software", wordSoftware}, {"\xa9aut", wordAuthor}, {"auth", wordAuthor},
	{"quicktime.author", wordAuthor}, {"thmb", wordThumbnail}, {"SNal", wordThumbnail},
}

// examineBox notes what a box that goes told: the box goes whole, so it is
// enough to search it for the names of its parts.
func (w *isoPlan) examineBox(b box, depth int) error {
	content, err := w.src.block(b.at, b.size())
	if err != nil {
		return err
	}
	before := len(w.removed)
	w.examineNames(b.kind, content)
	if bytes.Contains(content, []byte("xmpmeta")) {
		w.examineXMP(content)
	}
	if i := bytes.Index(content, []byte(exifMark)); i >= 0 {
		w.examineExif(content[i+len(exifMark):], "EXIF in "+cleanKind(b.kind))
	}
	if bytes.Contains(content, []byte("c2pa")) {
		w.found(wordC2PA)
	}
	if len(w.removed) == before && b.size() > 16 {
		w.found(wordApp)
	}
	return nil
}

func (w *isoPlan) examineNames(kind string, content []byte) {
	for _, name := range isoPositions {
		if bytes.Contains(content, []byte(name)) {
			w.located(cleanKind(kind))
		}
	}
	for _, x := range isoWords {
		if bytes.Contains(content, []byte(x.name)) {
			w.found(x.word)
		}
	}
}

// cleanKind makes a box name fit for people and logs.
func cleanKind(kind string) string {
	b := []byte(kind)
	if slices.ContainsFunc(b, func(c byte) bool { return c < ' ' || c > '~' }) {
		return "user data"
	}
	switch kind {
	case "udta":
		return "user data"
	case "meta", "keys", "ilst":
		return "film metadata"
	}
	return string(b) + " box"
}
