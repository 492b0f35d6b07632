{{ stage_raw('files', 'contacts') }}
