"""Files for the engines that the browser bench measures beside ours. Nothing here ships."""
