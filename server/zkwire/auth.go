package zkwire

import (
	"slices"

	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
)

// authenticate adds an identity to the client's. As in ZooKeeper the connection of one that cannot prove what it claims ends, when it
// has been told.
func (c *conn) authenticate(call *call) error {
	d := decoder{left: call.body}
	d.i32() // a type that means nothing
	scheme, _ := d.str()
	credentials := d.buffer()
	if d.bad {
		return codeMarshallingError
	}
	err := c.prove(scheme, string(credentials))
	c.finish(c.begin(call.xid, 0, codeOf(err)))
	c.went(call, 0)
	if err != nil {
		c.traffic.Refused()
		return err
	}
	return nil
}

// prove notes who the client is if the credentials prove it. Everybody is who he is by his address.
func (c *conn) prove(scheme, credentials string) error {
	if scheme == "ip" {
		return nil
	}
	ids, err := c.server.cfg.Prover.Prove(scheme, credentials)
	if err != nil {
		return err
	}
	return c.identify(ids)
}

// identify adds identities to the client's.
func (c *conn) identify(ids []tree.ID) error {
	who := c.who()
	switch {
	case slices.Contains(who, ids[0]):
		return nil
	case len(who) >= identity.Max:
		return fault.New(fault.AuthFailed, "", "the session has %d identities, which is the most", identity.Max)
	}
	who = append(who[:len(who):len(who)], ids...)
	c.caller.Store(&who)
	return nil
}

// logIn takes a step of a login by SASL, which begins anew after one that is done. As with [conn.authenticate] a failure ends the connection.
func (c *conn) logIn(call *call) error {
	d := decoder{left: call.body}
	token := d.buffer()
	if d.bad {
		return codeMarshallingError
	}
	if c.login == nil {
		c.login = c.server.cfg.SASL.Begin()
	}
	reply, user, done, err := c.login.Step(token)
	if done {
		c.login = nil
		err = c.identify([]tree.ID{{Scheme: "sasl", ID: user}})
	}
	at := c.begin(call.xid, 0, codeOf(err))
	if err == nil {
		c.out = putBuffer(c.out, reply)
	}
	c.finish(at)
	c.went(call, 0)
	if err != nil {
		c.traffic.Refused()
	}
	return err
}
