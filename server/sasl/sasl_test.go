package sasl_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/quorate/quorate/server/sasl"
	"github.com/quorate/quorate/store/fault"
)

// counting fills b with 0, 1, 2, …: the nonce is then the one that the recorded clients were given.
func counting(b []byte) {
	for i := range b {
		b[i] = byte(i)
	}
}

const challenge = `realm="zk-sasl-md5",nonce="AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",qop="auth",charset=utf-8,algorithm=md5-sess`

func server() *sasl.Server {
	return sasl.New(sasl.Config{Random: counting, Users: map[string]string{
		"bob": "bobsecret", "jürgen": "größe", "日本": "パスワード", `o"bx`: "p",
	}})
}

// challenged is an exchange that waits for a response.
func challenged(t *testing.T, s *sasl.Server) *sasl.Exchange {
	t.Helper()
	x := s.Begin()
	reply, user, done, err := x.Step(nil)
	if string(reply) != challenge || user != "" || done || err != nil {
		t.Fatalf("challenged with %s, %q, %v, %v", reply, user, done, err)
	}
	return x
}

// java and pure are what the SASL clients of Java 17 and of Python's pure-sasl, which kazoo has, respond to that challenge.
const (
	java = `charset=utf-8,username="bob",realm="zk-sasl-md5",nonce="AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",nc=00000001,` +
		`cnonce="ZVWV3Z31oFx7zd/iWy7y2caD6X+itKYAWbglNma1",digest-uri="zookeeper/zk-sasl-md5",maxbuf=65536,` +
		`response=db372d17f2a62202571c6f585ff0c04b,qop=auth,authzid="bob"`
	pure = `qop=auth,realm="zk-sasl-md5",username="bob",nonce="AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",cnonce="6882429627616298",nc=00000001,` +
		`digest-uri="zookeeper/zk-sasl-md5",response=273d5bd8deb9c84e9d960822917e9055`
)

func TestRecordedClients(t *testing.T) {
	for _, c := range []struct{ name, token, user string }{
		{"Java, as ZooKeeper's client has it", java, "bob"},
		{"pure-sasl, as kazoo has it", pure, "bob"},
		{
			"Java without an authorization", `charset=utf-8,username="bob",realm="zk-sasl-md5",nonce="AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",nc=00000001,` +
				`cnonce="eKubMjMtkvA3Wl1mVtSI7ekiUNCjrU7xELHrkLdp",digest-uri="zookeeper/zk-sasl-md5",maxbuf=65536,response=5a2ae37e09d7f7d845907c1a77f67177,qop=auth`, "bob",
		},
		{
			"a name that is in ISO 8859-1", `charset=utf-8,username="jürgen",realm="zk-sasl-md5",nonce="AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",nc=00000001,` +
				`cnonce="jmZv7WKeBq7Pw0bX6sj5Vuw6YegKbkoMeWAevw/4",digest-uri="zookeeper/zk-sasl-md5",maxbuf=65536,response=c7dcf89069dc7769e28a6b70143706b5,qop=auth,authzid="jürgen"`, "jürgen",
		},
		{
			"a name that is not", `charset=utf-8,username="日本",realm="zk-sasl-md5",nonce="AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",nc=00000001,` +
				`cnonce="CUwk7DifDG15j+4plGzXR8ja55Y73QbPU1nCYNGZ",digest-uri="zookeeper/zk-sasl-md5",maxbuf=65536,response=78f196e28cae615a7e1db67be64300b1,qop=auth,authzid="日本"`, "日本",
		},
		{
			"a name with a quotation mark", `charset=utf-8,username="o\"bx",realm="zk-sasl-md5",nonce="AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",nc=00000001,` +
				`cnonce="I/SMB5YGZFjrb9nbT0fmhn/uDKz5z2UyduZksCSv",digest-uri="zookeeper/zk-sasl-md5",maxbuf=65536,response=8e2d8980029cc2b2162993f3b0997f19,qop=auth,authzid="o\"bx"`, `o"bx`,
		},
	} {
		reply, user, done, err := challenged(t, server()).Step([]byte(c.token))
		if user != c.user || !done || err != nil || !strings.HasPrefix(string(reply), "rspauth=") || len(reply) != len("rspauth=")+32 {
			t.Errorf("%s: %s, %q, %v, %v", c.name, reply, user, done, err)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	for name, token := range map[string]string{
		"another password":     strings.Replace(java, "response=db", "response=da", 1),
		"another user":         strings.Replace(java, `username="bob"`, `username="eve"`, 1),
		"for another user":     strings.Replace(java, `authzid="bob"`, `authzid="eve"`, 1),
		"another nonce":        strings.Replace(java, "AAEC", "BAEC", 1),
		"a second time":        strings.Replace(java, "nc=00000001", "nc=00000002", 1),
		"another realm":        strings.Replace(java, `realm="zk-sasl-md5"`, `realm="zk"`, 1),
		"another service":      strings.Replace(java, "zookeeper/", "imap/", 1),
		"no host":              strings.Replace(java, "zookeeper/zk-sasl-md5", "zookeeper/", 1),
		"integrity":            strings.Replace(java, "qop=auth", "qop=auth-int", 1),
		"another charset":      strings.Replace(java, "utf-8", "utf-16", 1),
		"not UTF-8":            strings.Replace(java, `username="bob"`, "username=\"b\xffb\"", 1),
		"no client's nonce":    strings.Replace(java, `cnonce="ZVWV3Z31oFx7zd/iWy7y2caD6X+itKYAWbglNma1",`, "", 1),
		"no response":          strings.Replace(java, `response=db372d17f2a62202571c6f585ff0c04b,`, "", 1),
		"a directive twice":    java + `,username="bob"`,
		"no directives":        "hello",
		"an open quotation":    `username="bob`,
		"an open escape":       `username="bob\`,
		"text after a value":   `username="bob"x,` + java,
		"too long":             java + `,x="` + strings.Repeat("x", sasl.MaxToken) + `"`,
		"nothing at all again": "",
	} {
		x := challenged(t, server())
		reply, user, done, err := x.Step([]byte(token))
		if reply != nil || user != "" || done || !fault.Is(err, fault.AuthFailed) {
			t.Errorf("%s: %s, %q, %v, %v", name, reply, user, done, err)
		}
		if _, _, done, err := x.Step([]byte(java)); done || err == nil {
			t.Errorf("%s: there was a second attempt", name)
		}
	}
}

// TestUsersAreNotTold: whether there is a user is not to be learnt from the refusal.
func TestUsersAreNotTold(t *testing.T) {
	refusal := func(token string) string {
		_, _, _, err := challenged(t, server()).Step([]byte(token))
		return fmt.Sprint(err)
	}
	wrong, none := refusal(strings.Replace(java, "response=db", "response=da", 1)), refusal(strings.NewReplacer(`username="bob"`, `username="eve"`, `authzid="bob"`, `authzid="eve"`).Replace(java))
	if wrong != none {
		t.Errorf("%q and %q", wrong, none)
	}
}

func TestOneAttempt(t *testing.T) {
	s := server()
	if _, _, _, err := s.Begin().Step([]byte(java)); !fault.Is(err, fault.AuthFailed) {
		t.Errorf("a response without a challenge: %v", err)
	}
	x := challenged(t, s)
	if _, _, done, err := x.Step([]byte(java)); !done || err != nil {
		t.Fatal(done, err)
	}
	if _, _, done, err := x.Step([]byte(java)); done || !fault.Is(err, fault.AuthFailed) {
		t.Errorf("the same token again: %v, %v", done, err)
	}
}

func TestNoncesAreDifferent(t *testing.T) {
	n := byte(0)
	s := sasl.New(sasl.Config{Realm: "realm", Random: func(b []byte) { n++; copy(b, bytes.Repeat([]byte{n}, len(b))) }})
	one, _, _, _ := s.Begin().Step(nil)
	two, _, _, _ := s.Begin().Step(nil)
	if bytes.Equal(one, two) || !strings.HasPrefix(string(one), `realm="realm",nonce="`) {
		t.Errorf("%s, %s", one, two)
	}
}

// FuzzStep: whatever a client sends, it is logged in only if it knows the password.
func FuzzStep(f *testing.F) {
	f.Add([]byte(java))
	f.Add([]byte(pure))
	f.Add([]byte(`a=b, c="d\"e" ,,f=`))
	f.Fuzz(func(t *testing.T, token []byte) {
		x := challenged(t, server())
		_, user, done, err := x.Step(token)
		if done != (err == nil) {
			t.Errorf("done is %v, and the error %v", done, err)
		}
		if done && user != "bob" {
			t.Errorf("logged in as %q by %q", user, token)
		}
	})
}
