package commands

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/quorate/quorate/server/traffic"
)

func resetConnections(c *call) error {
	c.facts.Traffic.ResetConns()
	return nil
}

func resetServer(c *call) error {
	c.facts.ResetServer()
	return nil
}

// traceMask: nothing is traced by a mask here.
func traceMask(c *call) error {
	c.tell("tracemask", 0)
	return nil
}

// setTraceMask takes a mask, and tells the one that there is.
func setTraceMask(c *call) error {
	mask := c.request.FormValue("traceMask")
	if mask == "" {
		return &refusal{http.StatusOK, "setTraceMask requires long traceMask argument"}
	}
	if _, err := strconv.ParseInt(mask, 10, 64); err != nil {
		return &refusal{http.StatusOK, "setTraceMask requires long traceMask argument, got " + mask}
	}
	return traceMask(c)
}

// restore is not there: a snapshot that one server takes for true would part it from the others.
func restore(*call) error {
	return &refusal{http.StatusNotImplemented, "restore is not there: start a server on a data directory of its own instead"}
}

// snapshot streams a snapshot in the form in which it stands on disk, which is Quorate's own (store/snap).
func snapshot(c *call) error {
	file, at, size, err := c.cfg.Snapshot(c.request.Context())
	if err != nil {
		return err
	}
	defer file.Close()
	h := c.writer.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("last_zxid", "0x"+strconv.FormatUint(uint64(at), 16))
	h.Set("snapshot_size", strconv.FormatInt(size, 10))
	c.streamed = true
	_, _ = io.Copy(c.writer, file) // the client has gone
	return nil
}

// maxBody bounds the body of a command in bytes.
const maxBody = 4 << 10

// shed ends a share of the connections of ZooKeeper's clients, who go to other servers.
func shed(c *call) error {
	var body struct {
		Percentage *int `json:"percentage"`
	}
	d := json.NewDecoder(http.MaxBytesReader(c.writer, c.request.Body, maxBody))
	if err := d.Decode(&body); err != nil || body.Percentage == nil || *body.Percentage < 0 || *body.Percentage > 100 {
		return &refusal{http.StatusBadRequest, `want {"percentage": 0 to 100}`}
	}
	n := 0
	for _, conn := range chosen(c.facts.Traffic.Conns(), *body.Percentage) {
		if conn.Close() {
			n++
		}
	}
	c.tell("connections_shed", n)
	c.tell("percentage_requested", *body.Percentage)
	return nil
}

// chosen returns a share of connections, from all over the order in which they came.
func chosen(all []*traffic.Conn, percent int) []*traffic.Conn {
	var some []*traffic.Conn
	for i, c := range all {
		if (i+1)*percent/100 > i*percent/100 {
			some = append(some, c)
		}
	}
	return some
}
