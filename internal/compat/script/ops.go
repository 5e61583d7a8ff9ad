package script

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quorate/quorate/internal/compat/wire"
)

// The requests that are not like others.
const (
	opPing         = 11
	opMulti        = 14
	opMultiRead    = 22
	opAuth         = 100
	opSetWatches   = 101
	opSetWatches2  = 105
	opExists       = 3
	opSync         = 9
	opCloseSession = -11
)

// op is a request: its number, its fields, and those of the reply if it succeeds. The letters are those of
// [writer.field]; in replies t is a Stat, C identities and M the results of a multi.
type op struct {
	code          int32
	fields, reply string
}

// ops are the requests by their names in ZooKeeper.
var ops = map[string]op{
	"notification":         {0, "", ""},
	"create":               {1, "sbai", "s"},
	"delete":               {2, "si", ""},
	"exists":               {opExists, "sz", "t"},
	"getData":              {4, "sz", "bt"},
	"setData":              {5, "sbi", "t"},
	"getACL":               {6, "s", "at"},
	"setACL":               {7, "sai", "t"},
	"getChildren":          {8, "sz", "S"},
	"sync":                 {opSync, "s", "s"},
	"ping":                 {opPing, "", ""},
	"getChildren2":         {12, "sz", "St"},
	"check":                {13, "si", ""},
	"multi":                {opMulti, "", "M"},
	"create2":              {15, "sbai", "st"},
	"reconfig":             {16, "sssl", "bt"},
	"checkWatches":         {17, "si", ""},
	"removeWatches":        {18, "si", ""},
	"createContainer":      {19, "sbai", "st"},
	"deleteContainer":      {20, "s", ""},
	"createTTL":            {21, "sbail", "st"},
	"multiRead":            {opMultiRead, "", "M"},
	"auth":                 {opAuth, "isb", ""},
	"setWatches":           {opSetWatches, "lSSS", ""},
	"sasl":                 {102, "b", "b"},
	"getEphemerals":        {103, "s", "S"},
	"getAllChildrenNumber": {104, "s", "i"},
	"setWatches2":          {opSetWatches2, "lSSSSS", ""},
	"addWatch":             {106, "si", "i"},
	"whoAmI":               {107, "", "C"},
	"createSession":        {-10, "i", ""},
	"closeSession":         {opCloseSession, "", ""},
	"error":                {-1, "i", ""},
}

// changes are the requests whose zxid, when they succeed, is that of a change.
var changes = map[int32]bool{
	1: true, 2: true, 5: true, 7: true, opMulti: true, 15: true, 16: true, 19: true, 20: true, 21: true, opCloseSession: true,
}

// replyOf returns what the reply to a request consists of.
func replyOf(code int32) string {
	for _, o := range ops {
		if o.code == code {
			return o.reply
		}
	}
	return ""
}

// xidOf returns the xid that a request has in place of a number of its own.
func xidOf(code int32) (int32, bool) {
	switch code {
	case opPing:
		return -2, true
	case opAuth:
		return -4, true
	case opSetWatches, opSetWatches2:
		return -8, true
	}
	return 0, false
}

// request reads a request: its number and its body.
func (w *writer) request(words []token) (code int32, err error) {
	name, rest := words[0].text, words[1:]
	if name == "op" {
		if len(rest) == 0 {
			return 0, fmt.Errorf("op needs a number")
		}
		n, err := strconv.ParseInt(rest[0].text, 10, 32)
		if err != nil {
			return 0, err
		}
		return int32(n), w.fields("", rest[1:])
	}
	o, ok := ops[name]
	if !ok {
		return 0, fmt.Errorf("%s: no such request", name)
	}
	if o.code == opMulti || o.code == opMultiRead {
		return o.code, w.multi(rest)
	}
	return o.code, w.fields(o.fields, rest)
}

// fields writes the fields of a request. One with its type in front ends the request's own.
func (w *writer) fields(kinds string, words []token) error {
	for _, t := range words {
		kind, value, ok := typed(t)
		switch {
		case ok:
			kinds = ""
		case kinds == "":
			return fmt.Errorf("%s: a field too many needs its type in front", t.text)
		default:
			kind, value, kinds = kinds[0], t, kinds[1:]
		}
		if err := w.field(kind, value); err != nil {
			return err
		}
	}
	return nil
}

// typed reads a field with its type in front.
func typed(t token) (kind byte, value token, ok bool) {
	if t.quoted || len(t.text) < 2 || t.text[1] != ':' || !strings.ContainsRune("ilzsbaSx", rune(t.text[0])) {
		return 0, t, false
	}
	value = token{text: t.text[2:]}
	if strings.HasPrefix(value.text, `"`) {
		if plain, err := unquote(value.text); err == nil {
			value = token{plain, true}
		}
	}
	return t.text[0], value, true
}

// multi writes operations with semicolons between them, and the header that ends them unless the last word is noend.
func (w *writer) multi(words []token) error {
	end := wire.Packet(nil).Int(-1).Bool(true).Int(-1)
	if n := len(words); n > 0 && words[n-1].text == "noend" {
		end, words = nil, words[:n-1]
	}
	for _, part := range split(words) {
		if _, _, raw := typed(part[0]); raw {
			if err := w.fields("", part); err != nil {
				return err
			}
			continue
		}
		o, ok := ops[part[0].text]
		if !ok {
			return fmt.Errorf("%s: no such operation", part[0].text)
		}
		w.out = w.out.Int(o.code).Bool(false).Int(-1)
		if err := w.fields(o.fields, part[1:]); err != nil {
			return err
		}
	}
	w.out = append(w.out, end...)
	return nil
}

// split splits words at semicolons.
func split(words []token) [][]token {
	var all [][]token
	var part []token
	for _, t := range append(words, token{text: ";"}) {
		if t.text != ";" || t.quoted {
			part = append(part, t)
			continue
		}
		if len(part) > 0 {
			all = append(all, part)
		}
		part = nil
	}
	return all
}
