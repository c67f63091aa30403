
_starling_offer() { # BEFORE WORDS
	local word
	for word in ${=2}; do
		case $word in
		*[:=,]) compadd -S '' -- "$1$word" ;;
		*) compadd -- "$1$word" ;;
		esac
	done
}

# Offers what completes a value of that kind; BEFORE stands in front of it in the word: _starling_value KIND VALUE BEFORE
_starling_value() {
	case $1 in
	file | folder | run)
		[[ -z $3 ]] || compset -P "${(b)3}"
		if [[ $1 == file ]]; then _files; else _files -/; fi
		;;
	words\ *) _starling_offer "$3" "${1#words }" ;;
	setting)
		if [[ $2 == *=* ]]; then
			_starling_value "$(_starling_setting "${2%%=*}")" "${2#*=}" "$3${2%%=*}="
		else
			_starling_offer "$3" "$(_starling_names setting)"
		fi
		;;
	pipeline)
		local finished=${2%"${2##*|}"} rest=${2##*|}
		local bars=${finished//[^|]/}
		_starling_offer "$3$finished${rest%%[^ ]*}" "$(_starling_names stage${#bars})"
		;;
	format)
		if [[ $2 == *:* ]]; then
			_starling_value file "${2##*[:,]}" "$3${2%"${2##*[:,]}"}"
		else
			_starling_offer "$3" "$(_starling_names format)"
		fi
		;;
	topology)
		if [[ $2 == file:* ]]; then
			_starling_value file "${2#file:}" "$3file:"
		else
			_starling_offer "$3" "$(_starling_names topology) file:"
		fi
		;;
	?*) _starling_offer "$3" "$(_starling_names "$1")" ;;
	esac
}

_starling_describe() { # lines "word:description", options of _describe
	local -a lines=("${(@f)1}")
	shift
	_describe "$@" lines
}

_starling_line() { # COMMAND, position of its first argument
	local word=${(Q)PREFIX} kind
	if ((CURRENT > $2)) && kind=$(_starling_option "$1" "${words[CURRENT - 1]}"); then
		_starling_value "$kind" "$word" ''
	elif [[ $word == --*=* ]]; then
		kind=$(_starling_option "$1" "${word%%=*}") && _starling_value "$kind" "${word#*=}" "${word%%=*}="
	elif [[ $word == -* ]]; then
		_starling_describe "$(_starling_options "$1")" -o option
	else
		_starling_value "$(_starling_operand "$1")" "$word" ''
	fi
}

_starling() {
	if [[ $service == starlingd ]]; then
		_starling_line starlingd 2
	elif ((CURRENT <= 2)) || [[ ${words[2]} == help ]]; then
		_starling_describe "$(_starling_commands)" command
	else
		_starling_line "${words[2]}" 3
	fi
}

_starling "$@"
