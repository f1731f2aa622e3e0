"""What a reader reads: minutes, predictions that are not answered before they are asked, spelling, style, links."""
