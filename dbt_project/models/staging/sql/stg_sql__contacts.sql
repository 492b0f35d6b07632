{{ stage_raw('sql', 'contacts') }}
