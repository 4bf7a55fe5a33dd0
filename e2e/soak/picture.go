package main

import (
	"fmt"
	"image/color"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

var colors = []color.Color{color.RGBA{31, 119, 180, 255}, color.RGBA{255, 127, 14, 255}, color.RGBA{44, 160, 44, 255}}

// draw writes the picture: a plot for each figure, a line for each replica.
func (s *samples) draw(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := make([][]*plot.Plot, len(figures))
	for i, figure := range figures {
		p, err := s.plot(figure)
		if err != nil {
			return fmt.Errorf("plot %s: %w", figure, err)
		}
		rows[i] = []*plot.Plot{p}
	}
	img := vgimg.New(24*vg.Centimeter, 28*vg.Centimeter)
	tiles := draw.Tiles{Rows: len(rows), Cols: 1, PadY: vg.Centimeter / 2, PadTop: vg.Centimeter / 2, PadBottom: vg.Centimeter / 2, PadLeft: vg.Centimeter / 2, PadRight: vg.Centimeter / 2}
	for i, canvases := range plot.Align(rows, tiles, draw.New(img)) {
		rows[i][0].Draw(canvases[0])
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("make the picture's folder: %w", err)
	}
	file, err := os.Create(path) //nolint:gosec // whoever runs it says where
	if err != nil {
		return fmt.Errorf("write the picture: %w", err)
	}
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(file); err != nil {
		return fmt.Errorf("write the picture: %w", err)
	}
	return file.Close()
}

func (s *samples) plot(figure string) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Min, p.Legend.Top = figure, "minutes", 0, true
	for i, series := range slices.Sorted(maps.Keys(s.values[figure])) {
		var points plotter.XYs
		for _, one := range s.values[figure][series] {
			points = append(points, plotter.XY{X: one.at.Minutes(), Y: one.value})
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		line.Color = colors[i%len(colors)]
		p.Add(line)
		p.Legend.Add(series, line)
	}
	return p, nil
}
